//! Trunkline held to its contract: the real programs, started on this machine.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod console;
mod death;
mod drain;
mod edge;
mod harness;
mod keepalive;
mod seats;
mod start_order;
mod support;
mod trial;
mod walk;
