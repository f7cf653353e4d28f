use std::io;

use tokio_tungstenite::tungstenite::{Error, error::CapacityError};
use trunkline_ops::Panicked;
use trunkline_protocol::client::close;

use crate::data_plane::CloseReason;

/// Why a session ends.
#[derive(Debug)]
pub(super) enum SessionEnd {
    /// The connection broke.
    Broken,
    /// The client closed the session. The answer to its close frame is queued.
    ClosedByClient,
    /// This node closes the session.
    ClosedByNode(CloseReason),
    /// The client's input made the code that handles it panic.
    Panicked,
}

impl SessionEnd {
    pub(super) fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::ClosedByNode(CloseReason { code, reason: reason.into() })
    }

    /// The end after a codec error. The codec must not be used after an error.
    pub(super) fn from_codec(error: &Error, frame_bytes_max: usize) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                Self::close(close::TOO_BIG, format!("a frame has at most {frame_bytes_max} bytes"))
            }
            Error::Utf8(_) => Self::close(close::NOT_UTF8, "a text frame is UTF-8"),
            Error::Protocol(error) => Self::close(close::PROTOCOL, error.to_string()),
            _ => Self::Broken,
        }
    }
}

impl From<Panicked> for SessionEnd {
    fn from(_: Panicked) -> Self {
        Self::Panicked
    }
}

impl From<io::Error> for SessionEnd {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}
