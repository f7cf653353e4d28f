//! One session: a task that reads its socket, handles its client's requests, and writes what the
//! flush left over.

mod closing;
mod login;
mod rate;
mod requests;
mod rules;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use rate::SendRates;
pub(crate) use rules::SessionRules;
pub(super) use socket::ReadAhead;

use std::{
    future::poll_fn,
    io,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use tokio::{io::AsyncRead, time};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, protocol::Role};
use tracing::debug;
use trunkline_ops::contain;
use trunkline_protocol::client::close;

use crate::{
    client_socket::ClientReader,
    data_plane::{CloseReason, ConnectionSlot, DataPlane, DataPlaneState, SessionKey},
    defaults::{BYTES_PER_TURN, BYTES_PER_TURN_BEFORE_LOGIN, CLOSE_WITHIN, FRAMES_PER_TURN},
};
use closing::{SessionEnd, close_frame, finish};
use requests::RequestHandler;
use socket::Socket;

/// The header of a control frame from a client (RFC 6455, section 5.2).
const CONTROL_HEADER_BYTES: usize = 6;

/// The task of one session. Dropping it removes the session from the data plane, however it ends.
pub(super) struct SessionTask<R: AsyncRead + Unpin = ClientReader> {
    data_plane: DataPlane,
    key: SessionKey,
    codec: WebSocket<Socket<R>>,
    requests: RequestHandler,
    /// Behind the socket, because fields are dropped in this order.
    slot: ConnectionSlot,
}

impl<R: AsyncRead + Unpin> SessionTask<R> {
    /// `key` is the session that writes to the same connection. `received` is what the client has
    /// sent behind the head of its HTTP request. `slot` is free again when the socket is closed.
    pub(super) fn new(
        data_plane: DataPlane,
        key: SessionKey,
        (reading, received, slot): (R, Vec<u8>, ConnectionSlot),
        read_ahead: ReadAhead,
        rules: Rc<SessionRules>,
    ) -> Self {
        let (socket, config) = (Socket::new(reading, read_ahead), Some(rules.codec()));
        let codec = WebSocket::from_partially_read(socket, received, Role::Server, config);
        Self { data_plane, key, codec, requests: RequestHandler::new(key, rules), slot }
    }

    /// The session's id, as its `welcome` will have it unless the node's incarnation changes.
    pub(super) fn id(&self) -> String {
        self.data_plane.turn(|state, _| state.session_id(self.key))
    }

    /// Runs the session until it ends and its connection is closed.
    pub(super) async fn run(mut self) {
        let end = poll_fn(|cx| self.poll(cx)).await;
        debug!(?end, "session ended");
        let close_reason = match end {
            SessionEnd::Broken => return,
            SessionEnd::ClosedByClient => None,
            SessionEnd::ClosedByNode(close_reason) => Some(close_reason),
            SessionEnd::GaveWay => return self.give_way(),
            SessionEnd::Panicked => {
                self.data_plane.turn(|state, _| state.count_session_panic());
                let reason = "internal error".to_owned();
                Some(CloseReason { code: close::INTERNAL, reason })
            }
        };
        self.data_plane.turn(|state, _| {
            self.requests.abandon_login(state);
            if let Some(close_reason) = close_reason {
                state.retire(self.key, &close_reason);
                state.env.delivery.write_raw(self.key, &close_frame(&close_reason));
            }
        });
        // The timeout is for clients that do not read, or do not close their side.
        let closed = finish(&self.data_plane, self.key, self.codec.get_mut());
        let _ = time::timeout(CLOSE_WITHIN, closed).await;
    }

    /// Ends the session without waiting for its client: another one waits for the slot.
    fn give_way(self) {
        let reason = "gave way to a newer connection: log in at once".to_owned();
        let frame = close_frame(&CloseReason { code: close::NO_LOGIN, reason });
        let mut cx = Context::from_waker(Waker::noop());
        self.data_plane.turn(|state, now| {
            state.env.delivery.write_raw(self.key, &frame);
            let _ = state.env.delivery.poll_finish(self.key, now, &mut cx);
        });
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<SessionEnd> {
        match self.progress(cx) {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    /// Writes and reads as much as the socket allows now.
    fn progress(&mut self, cx: &mut Context<'_>) -> Result<(), SessionEnd> {
        let login = self.requests.login.poll(cx);
        let data_plane = self.data_plane.clone();
        data_plane.turn(|state, now| {
            if let Poll::Ready(event) = login {
                self.requests.finish_login(state, event)?;
            }
            if self.slot.poll_gives_way(cx).is_ready() {
                return Err(SessionEnd::GaveWay);
            }
            if let Poll::Ready(close_reason) = state.env.delivery.poll_close_reason(self.key, cx) {
                return Err(SessionEnd::ClosedByNode(close_reason));
            }
            if let Poll::Ready(flushed) = state.env.delivery.poll_flush(self.key, now, cx) {
                flushed?;
            }
            let known = self.requests.login.is_done();
            let budget = if known { BYTES_PER_TURN } else { BYTES_PER_TURN_BEFORE_LOGIN };
            self.codec.get_mut().begin_turn(budget, cx);
            let read = self.read_frames(state, now, cx);
            // A part of a frame counts as well: a slow client needs time for a large frame.
            if self.codec.get_mut().end_turn() {
                state.env.delivery.heard(self.key, now);
            }
            read
        })
    }

    fn read_frames(
        &mut self,
        state: &mut DataPlaneState,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Result<(), SessionEnd> {
        for _ in 0..FRAMES_PER_TURN {
            if self.requests.login.is_registering() || !state.may_read(self.key) {
                return Ok(());
            }
            match self.next()? {
                Some(message) => self.handle(state, now, message)?,
                None if self.codec.get_ref().is_exhausted() => break,
                None => return Ok(()),
            }
            if self.requests.login.is_registering() {
                self.slot.keep();
                // The registration starts when the next turn polls it.
                break;
            }
        }
        // The socket may have more, but the other sessions come first.
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Reads one message, unless the socket has none yet or the turn is exhausted. A panic of the
    /// codec is contained: it ends only this session.
    fn next(&mut self) -> Result<Option<Message>, SessionEnd> {
        let message = match contain(|| self.codec.read())? {
            Ok(message) => message,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                let too_long =
                    self.codec.get_ref().unfinished() > self.requests.rules.message_bytes_max();
                let reason = "a message has too many fragments";
                return if too_long {
                    Err(SessionEnd::close(close::TOO_BIG, reason))
                } else {
                    Ok(None)
                };
            }
            Err(error) => {
                return Err(SessionEnd::from_codec(&error, self.requests.rules.frame_bytes_max));
            }
        };
        match &message {
            Message::Ping(payload) | Message::Pong(payload) => {
                self.codec.get_mut().discount(CONTROL_HEADER_BYTES + payload.len());
            }
            _ => self.codec.get_mut().finish_message(),
        }
        Ok(Some(message))
    }

    fn handle(
        &mut self,
        state: &mut DataPlaneState,
        now: Instant,
        message: Message,
    ) -> Result<(), SessionEnd> {
        match message {
            #[cfg(feature = "testing")]
            Message::Text(text) if self.requests.rules.echo => {
                state.env.delivery.write(self.key, |out| out.extend_from_slice(text.as_bytes()));
                Ok(())
            }
            #[cfg(feature = "testing")]
            Message::Binary(_) if self.requests.rules.echo => {
                // The node itself writes no binary frames, so the codec does.
                let _ = self.codec.write(message);
                self.queue_replies(state);
                Ok(())
            }
            Message::Text(text) => self.requests.handle(state, now, text.as_str()),
            Message::Binary(_) => {
                let reason = "frames are JSON in text frames, not binary";
                Err(SessionEnd::close(close::UNSUPPORTED, reason))
            }
            Message::Ping(_) => {
                let pong = self.replies();
                state.env.delivery.write_pong(self.key, &pong);
                Ok(())
            }
            Message::Pong(_) | Message::Frame(_) => Ok(()),
            Message::Close(_) => {
                self.queue_replies(state);
                // The client reads nothing behind the answer: a message there would be reported as
                // delivered.
                state.log_out(self.key);
                Err(SessionEnd::ClosedByClient)
            }
        }
    }

    /// Queues the frames that the codec wrote.
    fn queue_replies(&mut self, state: &mut DataPlaneState) {
        let replies = self.replies();
        if !replies.is_empty() {
            state.env.delivery.write_raw(self.key, &replies);
        }
    }

    /// The frames that the codec wrote: a pong, or the answer to a close. Without the flush it would
    /// keep them until its next use, and the client may never send anything again.
    fn replies(&mut self) -> Vec<u8> {
        // After a close, the codec reports the closed connection as an error.
        let _ = self.codec.flush();
        self.codec.get_mut().take_replies()
    }
}

impl<R: AsyncRead + Unpin> Drop for SessionTask<R> {
    fn drop(&mut self) {
        self.data_plane.turn(|state, _| {
            self.requests.abandon_login(state);
            state.close(self.key);
        });
    }
}
