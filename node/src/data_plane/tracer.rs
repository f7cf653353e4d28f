//! The messages that an operator follows: test messages accepted here, and those of other nodes
//! that came here. Almost always there are none, and then following costs a look at an empty list.

use std::time::Instant;

use hashbrown::HashMap;
use tokio::sync::mpsc;
use trunkline_protocol::{
    Incarnation, Name, User,
    control::{Member, ToRelay, TracedMessage},
    lane::Receipt,
    status::TraceEvent,
};

use crate::{
    custody::{Forwarded, OutcomeReport},
    defaults::FOLLOWED_MAX,
};

/// What is told of the messages that are traced.
#[derive(Debug)]
pub(super) struct Tracer {
    outbox: mpsc::Sender<ToRelay>,
    tests: Vec<Test>,
    visits: Vec<Visit>,
    names: HashMap<Incarnation, Name>,
}

/// A test message that was accepted here.
#[derive(Debug)]
struct Test {
    number: u64,
    user: User,
    message: TracedMessage,
    since: Instant,
}

/// A message of another node that came here.
#[derive(Debug)]
struct Visit {
    origin: Incarnation,
    message: TracedMessage,
    since: Instant,
}

impl Tracer {
    /// Nothing is traced yet; what is, is told through `outbox`.
    pub(super) fn new(outbox: mpsc::Sender<ToRelay>) -> Self {
        Self { outbox, tests: Vec::new(), visits: Vec::new(), names: HashMap::new() }
    }

    /// Whether no message that was accepted here is traced.
    pub(super) fn has_no_test(&self) -> bool {
        self.tests.is_empty()
    }

    /// Remembers what nodes are called.
    pub(super) fn name(&mut self, members: &[Member]) {
        self.names.clear();
        self.names.extend(members.iter().map(|member| (member.incarnation, member.name.clone())));
    }

    /// The link is gone, and with it whoever wanted to know.
    pub(super) fn lose(&mut self) {
        self.tests.clear();
        self.visits.clear();
    }

    /// A test message is about to be accepted.
    pub(super) fn begin(&mut self, number: u64, user: &User, message: TracedMessage, now: Instant) {
        self.tests.push(Test { number, user: user.clone(), message, since: now });
        self.note(message.seq, now, TraceEvent::Accepted);
    }

    /// Something happened to a message that was accepted here, if it is traced.
    pub(super) fn note(&self, seq: u64, now: Instant, what: TraceEvent) {
        if let Some(test) = self.tests.iter().find(|test| test.message.seq == seq) {
            self.tell(test.message, test.since, now, what);
        }
    }

    /// Something happened that concerns all messages to a user.
    pub(super) fn note_user(&self, user: &User, now: Instant, what: &TraceEvent) {
        for test in self.tests.iter().filter(|test| test.user == *user) {
            self.tell(test.message, test.since, now, what.clone());
        }
    }

    /// A message that is traced was, or was not, put on a lane.
    pub(super) fn forwarded(&self, seq: u64, now: Instant, node: Incarnation, how: Forwarded) {
        let to = self.name_of(node);
        let what = match how {
            Forwarded::InBatch { lane, .. } => TraceEvent::Batched { to, lane },
            Forwarded::Full => TraceEvent::LaneFull { to },
            Forwarded::NoLink => TraceEvent::NoLink { to },
        };
        self.note(seq, now, what);
    }

    /// Receipts, or a refusal, came back for the messages with these numbers.
    pub(super) fn came_back(
        &self,
        now: Instant,
        node: Incarnation,
        concerns: impl Fn(u64) -> bool,
    ) {
        for test in self.tests.iter().filter(|test| concerns(test.message.seq)) {
            let from = self.name_of(node);
            self.tell(test.message, test.since, now, TraceEvent::CameBack { from });
        }
    }

    /// A message of another node that is traced has come here.
    pub(super) fn arrived(
        &mut self,
        origin: Incarnation,
        message: TracedMessage,
        now: Instant,
        sessions: usize,
    ) {
        if self.visits.len() == FOLLOWED_MAX {
            self.visits.remove(0);
        }
        self.visits.push(Visit { origin, message, since: now });
        self.tell(message, now, now, TraceEvent::Arrived { sessions: sessions as u32 });
    }

    /// This node's own sessions have answered. Returns whether the message is traced.
    pub(super) fn answered(
        &mut self,
        origin: Incarnation,
        is_here: bool,
        receipt: Receipt,
        now: Instant,
    ) -> bool {
        let Receipt { seq, status, missed, .. } = receipt;
        let what = TraceEvent::Answered { status, missed };
        if is_here {
            self.note(seq, now, what);
            return false;
        }
        let is_it = |visit: &Visit| visit.origin == origin && visit.message.seq == seq;
        let Some(at) = self.visits.iter().position(is_it) else { return false };
        let visit = self.visits.remove(at);
        self.tell(visit.message, visit.since, now, what);
        true
    }

    /// Whether nothing at all is traced.
    pub(super) fn is_empty(&self) -> bool {
        self.tests.is_empty() && self.visits.is_empty()
    }

    /// A message has come to its outcome that nobody's session sent. Returns whether someone was
    /// told.
    pub(super) fn ended<L>(&mut self, ended: &OutcomeReport<'_, L>, now: Instant) -> bool {
        let is_it = |test: &Test| test.message.seq == ended.seq;
        let Some(at) = self.tests.iter().position(is_it) else { return false };
        let Test { number: test, message, since, .. } = self.tests.remove(at);
        let took_us = micros(since, now);
        let OutcomeReport { outcome, missed, .. } = *ended;
        self.outbox.try_send(ToRelay::Tested { test, message, took_us, outcome, missed }).is_ok()
    }

    fn tell(&self, message: TracedMessage, since: Instant, now: Instant, what: TraceEvent) {
        // A step that finds the outbox full is missing from the walk.
        let after_us = micros(since, now);
        let _ = self.outbox.try_send(ToRelay::Traced { message, after_us, what });
    }

    /// What a node is called; one that the relay has not told of yet, by its incarnation.
    fn name_of(&self, node: Incarnation) -> Name {
        let named = self.names.get(&node).cloned();
        named.unwrap_or_else(|| {
            let name = node.to_string().to_lowercase().parse();
            name.expect("an incarnation has the messages of a name")
        })
    }
}

fn micros(since: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(since).as_micros() as u64
}
