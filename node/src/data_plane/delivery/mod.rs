//! Delivery: this node's sessions, and the buffers of their sockets.
//!
//! A message goes into the outbound buffer of each session of its recipient. A session whose buffer
//! was written is *dirty* until the next flush. For each message a [`Ticket`] stays behind: when the
//! socket has taken the message, or the session has ended, its origin gets a receipt. The answers
//! of several sessions to one message become one receipt, by a [`Group`].
//!
//! The receipts gather in a queue, and go to their origins at the end of the turn.

mod keepalive;
mod outbound;
mod session;
mod sessions;
#[cfg(test)]
mod tests;
mod ticket;

pub(crate) use session::{CloseReason, SendCharge, SessionKey};
pub(super) use ticket::MessageOrigin;

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use hashbrown::HashMap;
use slab::Slab;
use trunkline_protocol::{
    MessageIdPrefix, User, client,
    lane::{Message, Receipt, ReceiptStatus},
};

use self::{
    outbound::BufferPool,
    session::SessionSocket,
    sessions::SessionTable,
    ticket::{Group, Ticket},
};
use crate::{
    client_socket::ClientWriter,
    custody::{LocalDelivery, SessionShare},
    defaults::{FRAME_OVERHEAD_BYTES_MAX, ROUTE_LIFE, SESSION_BYTES_MAX},
};

/// Delivers messages to this node's own sessions.
#[derive(Debug)]
pub(crate) struct Delivery<W = ClientWriter> {
    pub(super) sessions: SessionTable<W>,
    buffers: BufferPool,
    groups: Slab<Group>,
    /// The sessions whose buffers were written since the last flush.
    dirty: Vec<SessionKey>,
    /// The users that have logged in on another node lately, and when.
    elsewhere: HashMap<User, Instant>,
    pub(super) counts: DeliveryCounts,
    /// The receipts of this turn.
    pub(super) receipts: VecDeque<(MessageOrigin, Receipt)>,
    /// The tickets of one write, in memory that is used again.
    taken: Vec<Ticket>,
}

/// What happened to messages and sessions here, since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DeliveryCounts {
    /// Messages of this node that a session took.
    pub(super) taken_local: u64,
    /// Messages of other nodes that a session took.
    pub(super) taken_remote: u64,
    /// Messages that a session's full buffer refused.
    pub(super) refused_full: u64,
    /// Sessions that were ended because they read too slowly.
    pub(super) ended_slow: u64,
}

impl<W> Default for Delivery<W> {
    fn default() -> Self {
        Self {
            sessions: SessionTable::default(),
            buffers: BufferPool::default(),
            groups: Slab::new(),
            dirty: Vec::new(),
            elsewhere: HashMap::new(),
            counts: DeliveryCounts::default(),
            receipts: VecDeque::new(),
            taken: Vec::new(),
        }
    }
}

impl<W: SessionSocket> Delivery<W> {
    /// Puts a message into the buffer of each of these sessions of its recipient. When it returns
    /// [`LocalDelivery::Waiting`], exactly one receipt follows.
    pub(super) fn deliver(
        &mut self,
        keys: &[SessionKey],
        origin: MessageOrigin,
        ids: &MessageIdPrefix,
        message: &Message<'_>,
        route_stale: bool,
    ) -> LocalDelivery {
        let ticket = Ticket { origin, seq: message.seq, group: None, route_stale };
        match keys {
            [] => LocalDelivery::Nobody,
            &[key] if self.write_message(key, ticket, ids, message) => LocalDelivery::Waiting,
            [_] => LocalDelivery::Full,
            keys => self.deliver_to_several(keys, ticket, ids, message),
        }
    }

    fn deliver_to_several(
        &mut self,
        keys: &[SessionKey],
        ticket: Ticket,
        ids: &MessageIdPrefix,
        message: &Message<'_>,
    ) -> LocalDelivery {
        let group = self.groups.vacant_key() as u32;
        let ticket = Ticket { group: Some(group), ..ticket };
        let written = keys.iter().filter(|key| self.write_message(**key, ticket, ids, message));
        let written = written.count() as u16;
        if written == 0 {
            return LocalDelivery::Full;
        }
        self.groups.insert(Group::new(written, keys.len() as u16 - written));
        LocalDelivery::Waiting
    }

    /// Appends the message to a session's buffer, if there is room.
    fn write_message(
        &mut self,
        key: SessionKey,
        ticket: Ticket,
        ids: &MessageIdPrefix,
        message: &Message<'_>,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let bytes = FRAME_OVERHEAD_BYTES_MAX + message.from.len() + message.body.len();
        if session.outbound.held_bytes() + bytes > SESSION_BYTES_MAX {
            self.counts.refused_full += 1;
            return false;
        }
        let Message { seq, from, sent_at_ms, body, .. } = *message;
        session.outbound.text(&mut self.buffers, Some(ticket), |out| {
            client::message(out, (ids, seq), from, sent_at_ms, body);
        });
        mark_dirty(&mut session.dirty, &mut self.dirty, key);
        true
    }

    /// Appends a text frame that carries no message. There is always room: receipts were reserved,
    /// and the rest is small and rare.
    pub(crate) fn write(&mut self, key: SessionKey, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.outbound.text(&mut self.buffers, None, write);
        mark_dirty(&mut session.dirty, &mut self.dirty, key);
    }

    /// Appends a WebSocket frame that has its header already.
    pub(crate) fn write_raw(&mut self, key: SessionKey, frame: &[u8]) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.outbound.raw(&mut self.buffers, frame);
        mark_dirty(&mut session.dirty, &mut self.dirty, key);
    }

    /// Appends a pong, with its header. It replaces one that waits as the last frame.
    pub(crate) fn write_pong(&mut self, key: SessionKey, frame: &[u8]) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.outbound.pong(&mut self.buffers, frame);
        mark_dirty(&mut session.dirty, &mut self.dirty, key);
    }

    /// Appends the receipt for a send of this session, for which it was charged `charge`. Returns
    /// whether the session is still there.
    pub(super) fn write_receipt(
        &mut self,
        key: SessionKey,
        charge: SendCharge,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        session.discharge(charge);
        session.outbound.text(&mut self.buffers, None, write);
        mark_dirty(&mut session.dirty, &mut self.dirty, key);
        true
    }

    pub(super) fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Writes each dirty buffer to its socket, once.
    pub(super) fn flush_dirty(&mut self, now: Instant) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for key in dirty.drain(..) {
            let all_written = matches!(self.flush(key, now), Ok(true));
            let Some(session) = self.sessions.get_mut(key) else { continue };
            // The session's task waits for a full socket, and ends a broken one. A task that was held
            // back is woken by nothing else: it has not polled its socket since.
            if !all_written || (session.held_back && session.has_room()) {
                session.wake();
            }
        }
        debug_assert!(self.dirty.is_empty(), "receipts are handled later");
        self.dirty = dirty;
    }

    /// Writes a session's buffer to its socket, once. Returns whether the socket took everything.
    fn flush(&mut self, key: SessionKey, now: Instant) -> io::Result<bool> {
        let Some(session) = self.sessions.get_mut(key) else { return Ok(true) };
        session.dirty = false;
        let socket = &session.socket;
        let mut taken = std::mem::take(&mut self.taken);
        let flushed = session.outbound.flush(
            &mut self.buffers,
            now,
            |bytes| (socket.try_write(bytes), socket.unconfirmed()),
            |ticket| taken.push(ticket),
        );
        for ticket in taken.drain(..) {
            self.answered(ticket, ReceiptStatus::Taken);
        }
        self.taken = taken;
        flushed
    }

    /// Writes until the buffer is empty. Ready then, or when the socket is broken.
    pub(crate) fn poll_flush(
        &mut self,
        key: SessionKey,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let Some(session) = self.sessions.get_mut(key) else { return Poll::Ready(Ok(())) };
            session.register(cx);
            if session.outbound.is_done() {
                return Poll::Ready(Ok(()));
            }
            ready!(session.socket.poll_writable(cx))?;
            self.flush(key, now)?;
        }
    }

    /// Writes until the buffer is empty, and then closes the writing half of the connection.
    pub(crate) fn poll_finish(
        &mut self,
        key: SessionKey,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(key, now, cx))?;
        match self.sessions.get_mut(key) {
            Some(session) => Pin::new(&mut session.socket).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Removes what waits in a session's buffer; see [`Outbound::take_back`](outbound::Outbound).
    pub(super) fn take_back(&mut self, key: SessionKey, last: bool) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let mut lost = Vec::new();
        session.outbound.take_back(last, |ticket, status| lost.push((ticket, status)));
        for (ticket, status) in lost {
            self.answered(ticket, status);
        }
    }

    /// Takes back what waits for a session, and forgets the session.
    pub(super) fn close(&mut self, key: SessionKey) {
        self.take_back(key, true);
        self.sessions.close(key);
    }

    /// One session has answered for a message.
    fn answered(&mut self, ticket: Ticket, status: ReceiptStatus) {
        if status == ReceiptStatus::Taken {
            match ticket.origin {
                MessageOrigin::Local => self.counts.taken_local += 1,
                MessageOrigin::Remote(_) => self.counts.taken_remote += 1,
            }
        }
        let Some(slot) = ticket.group else {
            return self.receipts.push_back((ticket.origin, ticket.receipt(status, 0)));
        };
        let Some(group) = self.groups.get_mut(slot as usize) else { return };
        let known = group.answer(status);
        if group.is_done() {
            self.groups.remove(slot as usize);
        }
        if let Some((status, missed)) = known {
            self.receipts.push_back((ticket.origin, ticket.receipt(status, missed)));
        }
    }

    /// Whether the session may be read: every receipt that its next send could cause has room, and it
    /// has less than its `share` in custody. If not, the flush of a receipt wakes the session's task.
    pub(crate) fn may_read(&mut self, key: SessionKey, share: SessionShare) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        session.held_back = !(session.has_room() && session.has_share(share));
        !session.held_back
    }

    /// Has the session end when its token does, in Unix seconds.
    pub(crate) fn set_token_end(&mut self, key: SessionKey, end: Option<u64>) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.token_end = end;
        }
    }

    /// Has the session's task end it, for the first reason that it was given.
    pub(super) fn end(&mut self, key: SessionKey, close_reason: CloseReason) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.close_reason.is_none() {
            session.close_reason = Some(close_reason);
            session.wake();
        }
    }

    /// Why the session is to end, if it is. Else has the task of `cx` woken when it is.
    pub(crate) fn poll_close_reason(
        &mut self,
        key: SessionKey,
        cx: &Context<'_>,
    ) -> Poll<CloseReason> {
        let Some(session) = self.sessions.get_mut(key) else { return Poll::Pending };
        match &session.close_reason {
            Some(close_reason) => Poll::Ready(close_reason.clone()),
            None => {
                session.register(cx);
                Poll::Pending
            }
        }
    }

    /// The user has logged in on another node too.
    pub(super) fn note_elsewhere(&mut self, user: User, now: Instant) {
        self.elsewhere.insert(user, now);
    }

    /// Whether a route that names only this node may be stale for a user.
    pub(super) fn is_elsewhere(&self, user: &str, now: Instant) -> bool {
        // Almost always the map is empty, and then the check costs no hashing.
        !self.elsewhere.is_empty()
            && self.elsewhere.get(user).is_some_and(|&since| now < since + ROUTE_LIFE)
    }
}

/// Puts a session into the list of dirty ones, once.
fn mark_dirty(is_dirty: &mut bool, dirty: &mut Vec<SessionKey>, key: SessionKey) {
    if !std::mem::replace(is_dirty, true) {
        dirty.push(key);
    }
}
