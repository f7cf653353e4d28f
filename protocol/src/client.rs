//! The client protocol, version 1: one JSON object per WebSocket text frame.
//!
//! Frames from clients are parsed once, borrowing from the frame; a body is only checked to be
//! JSON. Frames to clients are written directly into an output buffer.

mod body;
pub mod close;
mod depth;
mod error_code;
mod object;
mod parse;
mod write;

pub use body::is_valid_body;
pub use error_code::ErrorCode;
pub use parse::{BODY_DEPTH_MAX, BadFrame, ClientFrame, SEND_ID_BYTES_MAX, parse};
pub use write::{error, message, pong, receipt, refreshed, welcome};

/// The WebSocket subprotocol that a client may ask for.
pub const SUBPROTOCOL: &str = "trunkline.v1";
