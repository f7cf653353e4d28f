//! A real relay, a real Redis, and hand-made peers: well-behaved and otherwise.
#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

mod admin_client;
mod batches;
mod cluster;
mod death;
mod delivery_test;
mod fake_node;
mod forwarding;
mod name_claims;
mod program;
mod rejected_peers;
mod status;
