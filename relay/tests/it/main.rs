//! A real relay, a real Redis, and peers that are made by hand: well-behaved and otherwise.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cluster;
mod death;
mod names;
mod node;
mod operator;
mod program;
mod status;
mod strangers;
mod trial;
mod walk;
