//! The tasks of the data path: connections, links and their lanes, and what runs periodically.

pub(crate) mod accept;
pub(crate) mod admin_commands;
mod handshakes;
mod lanes;
mod link;
mod liveness_probe;
pub(crate) mod periodic;
