//! The certificates as the rest of Trunkline meets them: files, texts, handshakes, command line.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cli;
mod cluster;
mod files;
mod handshake;
mod issuing;
mod loading;
