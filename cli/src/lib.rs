//! A Trunkline cluster on this machine, and what to do with it.
//!
//! [`local_cluster`] starts Redis, certificates, a relay and nodes as processes of their own and
//! stops them again; [`status_stream`] reads what the relay reports to operators; [`http`] asks a
//! program's ops port. The `trunkline` program is a thin shell over these, and so are the benchmarks
//! and the integration tests.

mod commands;
mod control;
pub mod defaults;
pub mod http;
pub mod local_cluster;
mod state;
pub mod status_stream;
mod terminal;

pub use self::commands::main;
