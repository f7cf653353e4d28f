//! The window with generated snapshots, and the program on a virtual screen.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod connection_loss;
mod delivery_test;
mod details;
mod escaped_keys;
mod generated;
mod health;
mod history;
mod node_table;
mod program;
mod small_windows;
mod status_stream;
mod steady;
mod tabs;
mod timeline;
mod users;
mod window;
