//! The end of a connection: the close frame, and a shutdown that lets the client read it.

use std::{future::poll_fn, task::Poll};

use tokio::io::AsyncRead;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::Frame};

use super::socket::Socket;
use crate::data_plane::{CloseReason, DataPlane, SessionKey};

/// The longest close reason, in bytes: what a control frame holds behind the code (RFC 6455, section
/// 5.5).
const REASON_BYTES_MAX: usize = 123;

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
