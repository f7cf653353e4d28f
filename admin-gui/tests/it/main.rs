//! The window over generated snapshots.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod generated;
mod history;
mod names;
mod narrow;
mod sight;
mod stream;
mod time;
mod trial;
mod users;
mod window;
