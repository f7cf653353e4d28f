//! Trunkline held to its contract: the real programs, started on this machine.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod all_to_all;
mod argument_values;
mod broken_output;
mod capacity;
mod certificates;
mod child_process;
mod client_protocol;
mod delivery_test;
mod drain;
mod http_requests;
mod invalid_arguments;
mod keepalive;
mod node_failure;
mod raw_client;
mod redis_failures;
mod redis_permissions;
mod secrets;
mod signals;
mod start_order;
mod support;
mod tls;
mod tokens;
mod websocket;
