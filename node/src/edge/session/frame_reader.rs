//! Frames from a connection, in turns of bounded size.

use std::{io, task::Context};

use tokio::io::AsyncRead;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, protocol::Role};
use trunkline_ops::contain;

use super::{
    end::SessionEnd,
    rules::SessionRules,
    socket::{ReadAhead, Socket},
};

/// Reads WebSocket frames from the reading half of a connection, in turns of bounded size.
pub(super) struct FrameReader<R> {
    socket: WebSocket<Socket<R>>,
    frame_bytes_max: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// `received` is what the client has sent behind the head of its HTTP request.
    pub(super) fn new(
        reading: R,
        received: Vec<u8>,
        read_ahead: ReadAhead,
        rules: &SessionRules,
    ) -> Self {
        let socket = Socket::new(reading, read_ahead);
        let codec = Some(rules.codec());
        Self {
            socket: WebSocket::from_partially_read(socket, received, Role::Server, codec),
            frame_bytes_max: rules.frame_bytes_max,
        }
    }

    pub(super) fn begin_turn(&mut self, cx: &Context<'_>) {
        self.socket.get_mut().begin_turn(cx);
    }

    /// Reads one message. `None` means that the socket has none yet, or that the turn
    /// [is exhausted](Self::is_exhausted). A panic of the codec is contained: it ends only this
    /// session.
    pub(super) fn next(&mut self) -> Result<Option<Message>, SessionEnd> {
        match contain(|| self.socket.read())? {
            Ok(message) => Ok(Some(message)),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(SessionEnd::from_codec(&error, self.frame_bytes_max)),
        }
    }

    /// Whether the turn has spent its budget, so that the socket may have more.
    pub(super) fn is_exhausted(&self) -> bool {
        self.socket.get_ref().is_exhausted()
    }

    /// Ends the turn. Returns whether the client sent anything, even a part of a frame.
    pub(super) fn end_turn(&mut self) -> bool {
        let socket = self.socket.get_mut();
        socket.end_turn();
        socket.has_received()
    }

    /// Takes the frames that the codec wrote: pongs, and the answer to a close. Without the flush it
    /// would keep them until its next use, and the client may never send anything again.
    pub(super) fn take_replies(&mut self) -> Vec<u8> {
        // After a close, the codec reports the closed connection as an error.
        let _ = self.socket.flush();
        self.socket.get_mut().take_replies()
    }

    /// Has the codec write a frame, for [`Self::take_replies`].
    #[cfg(feature = "testing")]
    pub(super) fn write(&mut self, message: Message) {
        let _ = self.socket.write(message);
    }

    /// The stream under the codec.
    pub(super) fn socket(&mut self) -> &mut Socket<R> {
        self.socket.get_mut()
    }
}
