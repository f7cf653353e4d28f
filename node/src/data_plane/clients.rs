//! What a session's task asks of the state.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::{io::AsyncWrite, net::tcp::OwnedWriteHalf};
use trunkline_directory::{Location, Registration};
use trunkline_protocol::{
    User,
    client::{self, ErrorCode, close},
    lane::{LoginNotice, Message},
};

use super::{
    DataPlaneState,
    sessions::{CloseReason, ConnectionSlot, SessionKey},
};

impl DataPlaneState {
    /// Takes a slot, unless all are taken.
    pub(crate) fn acquire_slot(&mut self) -> Option<ConnectionSlot> {
        let slot = self.slots.take();
        self.refused_slots += u64::from(slot.is_none());
        slot
    }

    /// Lets nobody take a slot any more, because the node is leaving.
    pub(crate) fn close_slots(&mut self) {
        self.slots.close();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.slots.are_closed()
    }

    /// A connection was upgraded.
    pub(crate) fn open(&mut self, socket: OwnedWriteHalf) -> SessionKey {
        self.floor.sessions.open(socket)
    }

    /// The session's socket is about to be closed: whatever waits for it is taken back.
    pub(crate) fn close(&mut self, key: SessionKey) {
        self.log_out(key);
        self.floor.take_back(key, true);
        self.floor.sessions.close(key);
    }

    /// Asks the directory to register a login. [`Self::finish_login`] has to follow.
    pub(crate) fn start_login(&mut self, user: &User) -> Registration {
        self.floor.sessions.start_login(user);
        self.registrar.register(user)
    }

    /// Welcomes a session whose login was registered, and ends those whose place it takes. `others`
    /// are the user's other nodes; `None` if the registration has failed.
    pub(crate) fn finish_login(
        &mut self,
        key: SessionKey,
        user: &User,
        others: Option<&[Location]>,
    ) {
        self.floor.sessions.end_login(user);
        if let (Some(others), true) = (others, self.floor.sessions.get(key).is_some()) {
            self.replace_oldest(user);
            let id = format!("{}-{key}", self.floor.incarnation);
            let node = self.floor.name.clone();
            self.floor.write(key, |out| client::welcome(out, user, &id, &node));
            self.floor.sessions.log_in(key, user);
            self.notify_others(user, others);
        }
        self.forget_if_absent(user);
    }

    /// A session sends a message. `to` is a valid user key, `id` a valid send id.
    pub(crate) fn send(&mut self, now: Instant, key: SessionKey, id: &str, to: &str, body: &[u8]) {
        let Some(session) = self.floor.sessions.get_mut(key) else { return };
        let Some(from) = &session.user else { return };
        let message = Message {
            seq: self.custody.next_seq(),
            traced: false,
            sent_at_ms: self.floor.now_ms,
            to,
            from: from.as_str(),
            body,
        };
        let sent = self.floor.messages.write(key, now, id, &message);
        session.owed_bytes += sent.receipt_bytes();
        self.floor.counters.accepted += 1;
        self.custody.accept(now, &mut self.floor, to, sent);
    }

    pub(crate) fn error(
        &mut self,
        key: SessionKey,
        code: ErrorCode,
        reason: &str,
        id: Option<&str>,
    ) {
        self.floor.write_error(key, code, reason, id);
    }

    /// Answers a client's `ping`.
    pub(crate) fn pong(&mut self, key: SessionKey) {
        self.floor.write(key, client::pong);
    }

    /// A session has ended by a panic.
    pub(crate) fn count_session_panic(&mut self) {
        self.floor.counters.session_panics += 1;
    }

    /// Appends a WebSocket frame that is already whole.
    pub(crate) fn write_raw(&mut self, key: SessionKey, frame: &[u8]) {
        let Some(session) = self.floor.sessions.get_mut(key) else { return };
        session.outbound.raw(&mut self.floor.pool, frame);
        self.floor.touch(key);
    }

    /// Appends a text frame with this payload.
    #[cfg(feature = "testing")]
    pub(crate) fn write_text(&mut self, key: SessionKey, payload: &str) {
        self.floor.write(key, |out| out.extend_from_slice(payload.as_bytes()));
    }

    /// The client has been heard.
    pub(crate) fn heard(&mut self, key: SessionKey, now: Instant) {
        if let Some(session) = self.floor.sessions.get_mut(key) {
            session.heard_at = now;
        }
    }

    /// Whether the session may be read: every receipt that its next send could cause has room. If not,
    /// its task is woken by the flush that makes room.
    pub(crate) fn may_read(&mut self, key: SessionKey) -> bool {
        let Some(session) = self.floor.sessions.get_mut(key) else { return false };
        session.held_back = !session.has_room();
        !session.held_back
    }

    /// Why the session is to end, if it is. Else has the task of `cx` woken when it is.
    pub(crate) fn poll_close_reason(
        &mut self,
        key: SessionKey,
        cx: &Context<'_>,
    ) -> Poll<CloseReason> {
        let Some(session) = self.floor.sessions.get_mut(key) else { return Poll::Pending };
        match &session.close_reason {
            Some(close_reason) => Poll::Ready(close_reason.clone()),
            None => {
                session.register(cx);
                Poll::Pending
            }
        }
    }

    /// Writes on what a full socket has left waiting. Ready when nothing waits any more.
    pub(crate) fn poll_flush(
        &mut self,
        key: SessionKey,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let Some(session) = self.floor.sessions.get_mut(key) else {
                return Poll::Ready(Ok(()));
            };
            session.register(cx);
            if session.outbound.queued() == 0 {
                return Poll::Ready(Ok(()));
            }
            ready!(session.socket.as_ref().poll_write_ready(cx))?;
            self.floor.flush_session(key, now)?;
        }
    }

    /// Writes on until nothing waits, and then closes this side of the connection.
    pub(crate) fn poll_finish(
        &mut self,
        key: SessionKey,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(key, now, cx))?;
        match self.floor.sessions.get_mut(key) {
            Some(session) => Pin::new(&mut session.socket).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Has the session end, for the reason that its client is told.
    pub(crate) fn end_session(&mut self, key: SessionKey, code: u16, reason: impl Into<String>) {
        self.floor.end_session(key, CloseReason { code, reason: reason.into() });
    }

    /// The session gets no more messages. One that reads too slowly also loses those that wait.
    pub(crate) fn retire(&mut self, key: SessionKey, close_reason: &CloseReason) {
        self.log_out(key);
        if close_reason.code == close::TOO_SLOW {
            self.floor.take_back(key, false);
        }
    }

    /// The session gets no more messages.
    pub(crate) fn log_out(&mut self, key: SessionKey) {
        if let Some(user) = self.floor.sessions.log_out(key) {
            self.forget_if_absent(&user);
        }
    }

    fn forget_if_absent(&mut self, user: &User) {
        if !self.floor.sessions.has(user) {
            self.registrar.deregister(user);
        }
    }

    fn replace_oldest(&mut self, user: &User) {
        let sessions = self.floor.sessions.of(user.as_str());
        let too_many = (sessions.len() + 1).saturating_sub(self.sessions_per_user);
        for &oldest in &sessions[..too_many] {
            self.end_session(oldest, close::REPLACED, "replaced by a newer session of this user");
            // The user stays: another session is about to be theirs.
            self.floor.sessions.log_out(oldest);
        }
    }

    fn notify_others(&mut self, user: &User, others: &[Location]) {
        let notice = LoginNotice { user: user.as_str(), replaces: self.sessions_per_user == 1 };
        for (_, node) in others {
            self.floor.batches.notice(*node, notice);
        }
    }
}
