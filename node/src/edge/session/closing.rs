//! The end of a session: why it ends, the close frame, and a shutdown that lets the client read it.

use std::{future::poll_fn, io, task::Poll};

use tokio::io::AsyncRead;
use tokio_tungstenite::tungstenite::{
    Error,
    error::CapacityError,
    protocol::{CloseFrame, frame::Frame},
};
use trunkline_ops::Panicked;
use trunkline_protocol::client::close;

use super::socket::Socket;
use crate::data_plane::{CloseReason, DataPlane, SessionKey};

/// The longest close reason, in bytes: what a control frame holds behind the code (RFC 6455, section
/// 5.5).
const REASON_BYTES_MAX: usize = 123;

/// Why a session ends.
#[derive(Debug)]
pub(super) enum SessionEnd {
    /// The connection broke.
    Broken,
    /// The client closed the session. The answer to its close frame is queued.
    ClosedByClient,
    /// This node closes the session.
    ClosedByNode(CloseReason),
    /// All slots are taken, and this is the oldest connection without a login.
    GaveWay,
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

/// Encodes a close frame, without the session's codec: that must not be used after an error.
pub(super) fn close_frame(close_reason: &CloseReason) -> Vec<u8> {
    let end = close_reason.reason.floor_char_boundary(REASON_BYTES_MAX);
    let reason = close_reason.reason[..end].into();
    let mut bytes = Vec::new();
    Frame::close(Some(CloseFrame { code: close_reason.code.into(), reason }))
        .format(&mut bytes)
        .expect("a vector takes it");
    bytes
}

/// Writes what is queued, closes this side, and discards input until the client has closed its side.
/// Closing a socket with unread input would reset the connection, and the client would lose the last
/// frames.
pub(super) async fn finish<R>(data_plane: &DataPlane, key: SessionKey, socket: &mut Socket<R>)
where
    R: AsyncRead + Unpin,
{
    let (mut written, mut read) = (false, false);
    poll_fn(|cx| {
        // Both at once, because a client may read only after it has written. Both to the end, because a
        // client that has closed its side may still read.
        if !written {
            match data_plane.turn(|state, now| state.env.delivery.poll_finish(key, now, cx)) {
                Poll::Ready(Ok(())) => written = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
        }
        if !read {
            match socket.poll_discard(cx) {
                Poll::Ready(Ok(())) => read = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
        }
        if written && read { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_frame_fits_a_control_frame() {
        let frame = |reason: String| close_frame(&CloseReason { code: 1009, reason });
        assert_eq!(frame("no".to_owned()), [0x88, 4, 0x03, 0xf1, b'n', b'o']);
        for reason in ["x".repeat(500), "é".repeat(500), "👩".repeat(500)] {
            let frame = frame(reason);
            assert!(frame[1] <= 125 && frame.len() == usize::from(frame[1]) + 2);
            assert!(std::str::from_utf8(&frame[4..]).is_ok());
        }
    }
}
