//! Files, error messages, handshakes and the command line.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cli;
mod files;
mod folder;
mod handshake;
mod issuing;
mod loading;
