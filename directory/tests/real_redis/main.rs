//! The directory against real redis-servers, each test with its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cluster_safety;
mod late_commands;
mod purge;
mod registrar;
mod registrar_faults;
mod single_calls;
mod support;
mod troubles;
