//! The end of a connection: a close frame of our own, and the order that lets the client read it.

use std::{future::poll_fn, task::Poll};

use tokio::io::AsyncRead;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::Frame};

use super::socket::Socket;
use crate::data_plane::{CloseReason, DataPlane, SessionKey};

/// How long a close reason may be, in bytes: what a control frame holds besides the code (RFC 6455,
/// section 5.5).
const REASON_BYTES_MAX: usize = 123;

/// The bytes of the close frame that tells `close_reason`. The codec is not asked for it: after an error
/// it must not be used again.
pub(super) fn close_frame(close_reason: &CloseReason) -> Vec<u8> {
    let end = close_reason.reason.floor_char_boundary(REASON_BYTES_MAX);
    let reason = close_reason.reason[..end].into();
    let mut bytes = Vec::new();
    Frame::close(Some(CloseFrame { code: close_reason.code.into(), reason }))
        .format(&mut bytes)
        .expect("a vector takes it");
    bytes
}

/// Writes out what waits, closes this side, and reads on until the client has closed its own: a
/// socket that is closed with something unread is reset, and takes the last words with it. What is
/// read no longer counts, so no codec looks at it.
pub(super) async fn finish<R>(data_plane: &DataPlane, key: SessionKey, socket: &mut Socket<R>)
where
    R: AsyncRead + Unpin,
{
    let (mut written, mut read) = (false, false);
    poll_fn(|cx| {
        // Both at once: a client may read only when it has written what it was about to. Both to their
        // end: one that has closed its side may still read.
        if !written {
            match data_plane.turn(|state, now| state.poll_finish(key, now, cx)) {
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
