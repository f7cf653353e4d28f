//! The directory against real redis-servers; each test starts its own.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

mod cluster_safety;
mod late_commands;
mod purge;
mod registrar;
mod registrar_faults;
mod single_calls;
mod support;
mod troubles;
