use std::{collections::VecDeque, io, time::Instant};

use hashbrown::HashMap;
use slab::Slab;
use tokio::sync::mpsc;
use trunkline_protocol::{
    Incarnation, MessageIdPrefix, Name, Outcome, User,
    client::{self, ErrorCode},
    control::{ToRelay, TracedMessage},
    lane::{Message, Receipt, ReceiptStatus},
    status::{Outcomes, TraceEvent},
};

use super::{
    batches::Batches,
    delivery::{Group, Ticket},
    latency::Latencies,
    message_pool::{MessagePool, PendingMessage},
    outbound::Pool,
    sessions::{CloseReason, SessionKey, Sessions},
    tracer::Tracer,
};
use crate::{
    custody::{Environment, Forwarded, LocalDelivery, OutcomeReport},
    defaults::{RECEIPT_BYTES, ROUTE_LIFE, SESSION_BYTES_MAX},
};

/// What a node counts, from its start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: u64,
    pub(super) delivered_here: u64,
    pub(super) delivered_from_links: u64,
    pub(super) outcomes: Outcomes,
    pub(super) unreported: u64,
    pub(super) refused_full: u64,
    pub(super) ended_slow: u64,
    pub(super) session_panics: u64,
    pub(super) look_ups: u64,
}

/// Everything around custody: the sessions, and the batches for other nodes. What is written here
/// waits for the next flush.
#[derive(Debug)]
pub(super) struct Floor {
    pub(super) name: Name,
    pub(super) incarnation: Incarnation,
    /// When the turn that goes on, or the last one, began.
    pub(super) now: Instant,
    /// The same in Unix milliseconds.
    pub(super) now_ms: u64,
    /// The incarnation in the ids of the messages that are sent here: the process's first.
    ids: Incarnation,
    /// These ids, as clients see them.
    own_ids: MessageIdPrefix,
    /// The incarnations this process has been.
    former: Vec<Incarnation>,
    pub(super) sessions: Sessions,
    pub(super) pool: Pool,
    pub(super) messages: MessagePool,
    groups: Slab<Group>,
    pub(super) batches: Batches,
    /// The sessions with something to flush.
    pub(super) touched: Vec<SessionKey>,
    /// Answers for messages that are in this node's own custody.
    pub(super) answers: VecDeque<Receipt>,
    /// The users that the directory is to be asked for.
    pub(super) questions: VecDeque<User>,
    /// The users that have logged in elsewhere too, and when.
    pub(super) elsewhere: HashMap<User, Instant>,
    pub(super) rebuilding: bool,
    pub(super) counters: Counters,
    pub(super) latencies: Latencies,
    /// The messages that are traced.
    pub(super) tracer: Tracer,
    /// Room for the messages that one write takes.
    taken: Vec<Ticket>,
}

impl Floor {
    pub(super) fn new(name: Name, incarnation: Incarnation, outbox: mpsc::Sender<ToRelay>) -> Self {
        Self {
            name,
            incarnation,
            now: Instant::now(),
            now_ms: 0,
            ids: incarnation,
            own_ids: MessageIdPrefix::of(incarnation),
            former: Vec::new(),
            sessions: Sessions::default(),
            pool: Pool::default(),
            messages: MessagePool::default(),
            groups: Slab::new(),
            batches: Batches::new(incarnation),
            touched: Vec::new(),
            answers: VecDeque::new(),
            questions: VecDeque::new(),
            elsewhere: HashMap::new(),
            rebuilding: false,
            counters: Counters::default(),
            latencies: Latencies::default(),
            tracer: Tracer::new(outbox),
            taken: Vec::new(),
        }
    }

    pub(super) fn reincarnate(&mut self, incarnation: Incarnation) {
        self.former.push(std::mem::replace(&mut self.incarnation, incarnation));
    }

    /// Puts a message, which is in the custody of `origin`, into the buffer of each of these
    /// sessions of its recipient.
    pub(super) fn deliver(
        &mut self,
        keys: &[SessionKey],
        origin: Incarnation,
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
        let taken = keys.iter().filter(|key| self.write_message(**key, ticket, ids, message));
        let taken = taken.count() as u16;
        if taken == 0 {
            return LocalDelivery::Full;
        }
        self.groups.insert(Group::new(taken, keys.len() as u16 - taken));
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
        let bytes = RECEIPT_BYTES + message.from.len() + message.body.len();
        if session.outbound.queued() + bytes > SESSION_BYTES_MAX {
            self.counters.refused_full += 1;
            return false;
        }
        session.outbound.text(&mut self.pool, Some(ticket), |out| {
            client::message(
                out,
                (ids, message.seq),
                message.from,
                message.sent_at_ms,
                message.body,
            );
        });
        self.touch(key);
        true
    }

    /// Appends a frame that is no message to a session's buffer. There is always room: what is
    /// owed was reserved, and the rest is small and rare.
    pub(super) fn write(&mut self, key: SessionKey, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.outbound.text(&mut self.pool, None, write);
        self.touch(key);
    }

    pub(super) fn write_error(
        &mut self,
        key: SessionKey,
        code: ErrorCode,
        reason: &str,
        id: Option<&str>,
    ) {
        self.write(key, |out| client::error(out, code, reason, id));
    }

    pub(super) fn touch(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if !std::mem::replace(&mut session.touched, true) {
            self.touched.push(key);
        }
    }

    /// Writes what waits for a session to its socket, once. Returns whether everything went.
    pub(super) fn flush_session(&mut self, key: SessionKey, now: Instant) -> io::Result<bool> {
        let Some(session) = self.sessions.get_mut(key) else { return Ok(true) };
        session.touched = false;
        let socket = &session.socket;
        let mut taken = std::mem::take(&mut self.taken);
        let flushed = session.outbound.flush(
            &mut self.pool,
            now,
            |bytes| socket.try_write(bytes),
            |ticket| taken.push(ticket),
        );
        for ticket in taken.drain(..) {
            self.status(ticket, ReceiptStatus::Taken);
        }
        self.taken = taken;
        flushed
    }

    /// Takes back what waits for a session; see `Outbound::take_back`.
    pub(super) fn take_back(&mut self, key: SessionKey, last: bool) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let mut lost = Vec::new();
        session.outbound.take_back(last, |ticket, status| lost.push((ticket, status)));
        for (ticket, status) in lost {
            self.status(ticket, status);
        }
    }

    /// One session has answered for a message.
    fn status(&mut self, ticket: Ticket, status: ReceiptStatus) {
        if status == ReceiptStatus::Taken {
            let here = self.is_here(ticket.origin);
            let counters = &mut self.counters;
            *(if here {
                &mut counters.delivered_here
            } else {
                &mut counters.delivered_from_links
            }) += 1;
        }
        let Some(slot) = ticket.group else {
            return self.answer(ticket.origin, ticket.receipt(status, 0));
        };
        let Some(group) = self.groups.get_mut(slot as usize) else { return };
        let answer = group.answer(status);
        if group.is_done() {
            self.groups.remove(slot as usize);
        }
        if let Some((status, missed)) = answer {
            self.answer(ticket.origin, ticket.receipt(status, missed));
        }
    }

    /// Sends a receipt to whoever has custody.
    pub(super) fn answer(&mut self, origin: Incarnation, receipt: Receipt) {
        let is_here = self.is_here(origin);
        let traced =
            !self.tracer.is_empty() && self.tracer.answered(origin, is_here, receipt, self.now);
        if is_here {
            self.answers.push_back(receipt);
        } else {
            self.batches.receipt(origin, receipt, traced);
        }
    }

    /// The name of a message that was accepted here.
    pub(super) fn traced(&self, seq: u64) -> TracedMessage {
        TracedMessage { id_incarnation: self.ids, seq }
    }

    /// The user has logged in elsewhere too.
    pub(super) fn note_elsewhere(&mut self, user: User, now: Instant) {
        self.elsewhere.insert(user, now);
    }

    /// Whether routes that name only this node are old for a user.
    pub(super) fn is_elsewhere(&self, user: &str, now: Instant) -> bool {
        // Almost always nobody is.
        !self.elsewhere.is_empty()
            && self.elsewhere.get(user).is_some_and(|&since| now < since + ROUTE_LIFE)
    }

    /// Has the session's task end it.
    pub(super) fn end_session(&mut self, key: SessionKey, close_reason: CloseReason) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.close_reason.is_none() {
            session.close_reason = Some(close_reason);
            session.wake();
        }
    }
}

impl Environment<PendingMessage> for Floor {
    fn is_here(&self, incarnation: Incarnation) -> bool {
        incarnation == self.incarnation || self.former.contains(&incarnation)
    }

    fn deliver_here(&mut self, seq: u64, to: &User, message: &PendingMessage) -> LocalDelivery {
        let keys = self.sessions.of(to.as_str());
        if keys.is_empty() {
            return LocalDelivery::Nobody;
        }
        let message = Message::decode(&mut message.frame()).expect("it was encoded here");
        let ids = self.own_ids;
        if message.traced {
            self.tracer.note(seq, self.now, TraceEvent::Arrived { sessions: keys.len() as u32 });
        }
        self.deliver(&keys, self.incarnation, &ids, &message, false)
    }

    fn forward(&mut self, node: Incarnation, seq: u64, message: &PendingMessage) -> Forwarded {
        let traced = message.session.is_nobody();
        let lane = message.lane.into();
        let forwarded = self.batches.message(lane, node, seq, message.frame(), traced);
        if forwarded == Forwarded::Full {
            self.counters.refused_full += 1;
        }
        if traced {
            self.tracer.forwarded(seq, self.now, node, forwarded);
        }
        forwarded
    }

    fn look_up(&mut self, user: &User) {
        self.counters.look_ups += 1;
        self.tracer.note_user(user, self.now, &TraceEvent::Asked);
        self.questions.push_back(user.clone());
    }

    fn rebuilding(&self) -> bool {
        self.rebuilding
    }

    fn report(&mut self, ended: OutcomeReport<'_, PendingMessage>) {
        let OutcomeReport { seq, message, outcome, missed } = ended;
        self.counters.outcomes.count(outcome);
        if outcome == Outcome::Delivered {
            self.latencies.record(self.now.saturating_duration_since(message.accepted_at));
        }
        let Some(session) = self.sessions.get_mut(message.session) else {
            self.counters.unreported += u64::from(!self.tracer.ended(&ended, self.now));
            return;
        };
        session.owed_bytes -= message.receipt_bytes();
        let ids = self.own_ids;
        let write = |out: &mut Vec<u8>| {
            client::receipt(out, message.id(), (&ids, seq), outcome, missed);
        };
        self.write(message.session, write);
    }

    fn recycle(&mut self, message: PendingMessage) {
        self.messages.recycle(message);
    }
}
