//! The window over generated snapshots.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod charts;
mod commands;
mod connection_loss;
mod delivery_test;
mod details;
mod escaped_keys;
mod generated;
mod health;
mod history;
mod incidents;
mod keyboard;
mod node_table;
mod small_windows;
mod status_stream;
mod steady;
mod tabs;
mod timeline;
mod users;
mod window;
