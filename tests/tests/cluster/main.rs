//! Trunkline held to its contract: the real programs, started on this machine.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod by_hand;
mod death;
mod drain;
mod edge;
mod forms;
mod http_door;
mod keepalive;
mod output;
mod raw;
mod redis_rights;
mod redis_trouble;
mod seats;
mod secrets;
mod signals;
mod start_order;
mod support;
mod trial;
mod walk;
mod websocket;
