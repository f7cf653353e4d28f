use std::{collections::VecDeque, io, time::Instant};

use hashbrown::HashMap;
use slab::Slab;
use tokio::sync::mpsc;
use trunkline_protocol::{
    Ids, Incarnation, Name, Outcome, User,
    client::{self, ErrorCode},
    control::{Followed, ToRelay},
    lane::{Message, Receipt, Verdict},
    status::{Outcomes, What},
};

use super::{
    batches::Batches,
    delivery::{Group, Ticket},
    latency::Latencies,
    letters::{Letters, Sent},
    outbound::Pool,
    sessions::{Farewell, SessionKey, Sessions},
    trail::Trail,
};
use crate::{
    custody::{Ended, Forwarded, Here, Outside},
    defaults::{RECEIPT_BYTES, ROUTE_LIFE, SESSION_BYTES_MAX},
};

/// What a node counts, from its start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: u64,
    pub(super) delivered_here: u64,
    pub(super) delivered_from_links: u64,
    pub(super) outcomes: Outcomes,
    pub(super) untold: u64,
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
    own_ids: Ids,
    /// The incarnations this process has been.
    former: Vec<Incarnation>,
    pub(super) sessions: Sessions,
    pub(super) pool: Pool,
    pub(super) letters: Letters,
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
    /// The messages that are followed.
    pub(super) trail: Trail,
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
            own_ids: Ids::of(incarnation),
            former: Vec::new(),
            sessions: Sessions::default(),
            pool: Pool::default(),
            letters: Letters::default(),
            groups: Slab::new(),
            batches: Batches::new(incarnation),
            touched: Vec::new(),
            answers: VecDeque::new(),
            questions: VecDeque::new(),
            elsewhere: HashMap::new(),
            rebuilding: false,
            counters: Counters::default(),
            latencies: Latencies::default(),
            trail: Trail::new(outbox),
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
        ids: &Ids,
        message: &Message<'_>,
        route_old: bool,
    ) -> Here {
        let ticket = Ticket { origin, seq: message.seq, group: None, route_old };
        match keys {
            [] => Here::Nobody,
            &[key] if self.write_message(key, ticket, ids, message) => Here::Waiting,
            [_] => Here::Full,
            keys => self.deliver_to_several(keys, ticket, ids, message),
        }
    }

    fn deliver_to_several(
        &mut self,
        keys: &[SessionKey],
        ticket: Ticket,
        ids: &Ids,
        message: &Message<'_>,
    ) -> Here {
        let group = self.groups.vacant_key() as u32;
        let ticket = Ticket { group: Some(group), ..ticket };
        let taken = keys.iter().filter(|key| self.write_message(**key, ticket, ids, message));
        let taken = taken.count() as u16;
        if taken == 0 {
            return Here::Full;
        }
        self.groups.insert(Group::new(taken, keys.len() as u16 - taken));
        Here::Waiting
    }

    /// Appends the message to a session's buffer, if there is room.
    fn write_message(
        &mut self,
        key: SessionKey,
        ticket: Ticket,
        ids: &Ids,
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
            self.verdict(ticket, Verdict::Taken);
        }
        self.taken = taken;
        flushed
    }

    /// Takes back what waits for a session; see `Outbound::take_back`.
    pub(super) fn take_back(&mut self, key: SessionKey, last: bool) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let mut lost = Vec::new();
        session.outbound.take_back(last, |ticket, verdict| lost.push((ticket, verdict)));
        for (ticket, verdict) in lost {
            self.verdict(ticket, verdict);
        }
    }

    /// One session has answered for a message.
    fn verdict(&mut self, ticket: Ticket, verdict: Verdict) {
        if verdict == Verdict::Taken {
            let here = self.is_here(ticket.origin);
            let counters = &mut self.counters;
            *(if here {
                &mut counters.delivered_here
            } else {
                &mut counters.delivered_from_links
            }) += 1;
        }
        let Some(slot) = ticket.group else {
            return self.answer(ticket.origin, ticket.receipt(verdict, 0));
        };
        let Some(group) = self.groups.get_mut(slot as usize) else { return };
        let answer = group.answer(verdict);
        if group.is_done() {
            self.groups.remove(slot as usize);
        }
        if let Some((verdict, missed)) = answer {
            self.answer(ticket.origin, ticket.receipt(verdict, missed));
        }
    }

    /// Sends a receipt to whoever has custody.
    pub(super) fn answer(&mut self, origin: Incarnation, receipt: Receipt) {
        let is_here = self.is_here(origin);
        let followed =
            !self.trail.is_empty() && self.trail.answered(origin, is_here, receipt, self.now);
        if is_here {
            self.answers.push_back(receipt);
        } else {
            self.batches.receipt(origin, receipt, followed);
        }
    }

    /// The name of a message that was accepted here.
    pub(super) fn followed(&self, seq: u64) -> Followed {
        Followed { ids: self.ids, seq }
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
    pub(super) fn end_session(&mut self, key: SessionKey, farewell: Farewell) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.farewell.is_none() {
            session.farewell = Some(farewell);
            session.wake();
        }
    }
}

impl Outside<Sent> for Floor {
    fn is_here(&self, incarnation: Incarnation) -> bool {
        incarnation == self.incarnation || self.former.contains(&incarnation)
    }

    fn deliver_here(&mut self, seq: u64, to: &User, letter: &Sent) -> Here {
        let keys = self.sessions.of(to.as_str());
        if keys.is_empty() {
            return Here::Nobody;
        }
        let message = Message::decode(&mut letter.frame()).expect("it was encoded here");
        let ids = self.own_ids;
        if message.followed {
            self.trail.note(seq, self.now, What::Arrived { sessions: keys.len() as u32 });
        }
        self.deliver(&keys, self.incarnation, &ids, &message, false)
    }

    fn forward(&mut self, node: Incarnation, seq: u64, letter: &Sent) -> Forwarded {
        let followed = letter.session.is_nobody();
        let lane = letter.lane.into();
        let forwarded = self.batches.message(lane, node, seq, letter.frame(), followed);
        if forwarded == Forwarded::Full {
            self.counters.refused_full += 1;
        }
        if followed {
            self.trail.forwarded(seq, self.now, node, forwarded);
        }
        forwarded
    }

    fn look_up(&mut self, user: &User) {
        self.counters.look_ups += 1;
        self.trail.note_user(user, self.now, &What::Asked);
        self.questions.push_back(user.clone());
    }

    fn rebuilding(&self) -> bool {
        self.rebuilding
    }

    fn tell(&mut self, ended: Ended<'_, Sent>) {
        let Ended { seq, letter, outcome, missed } = ended;
        self.counters.outcomes.count(outcome);
        if outcome == Outcome::Delivered {
            self.latencies.record(self.now.saturating_duration_since(letter.accepted_at));
        }
        let Some(session) = self.sessions.get_mut(letter.session) else {
            self.counters.untold += u64::from(!self.trail.ended(&ended, self.now));
            return;
        };
        session.owed_bytes -= letter.receipt_bytes();
        let ids = self.own_ids;
        let message = (&ids, seq);
        let write = |out: &mut Vec<u8>| client::receipt(out, letter.id(), message, outcome, missed);
        self.write(letter.session, write);
    }

    fn put_away(&mut self, letter: Sent) {
        self.letters.put_away(letter);
    }
}
