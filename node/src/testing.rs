//! An echo server for conformance suites: the node's accept path, handshake, codec settings, sessions
//! and outgoing buffers, without login or delivery.

#[cfg(feature = "testing")]
mod echo_server;
pub(crate) mod isolated;

#[cfg(feature = "testing")]
pub use echo_server::serve_echo;
