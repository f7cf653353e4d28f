//! The window over generated snapshots, and the program itself on a screen that nobody looks at.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod generated;
mod history;
mod names;
mod narrow;
mod program;
mod sight;
mod stream;
mod time;
mod trial;
mod users;
mod window;
