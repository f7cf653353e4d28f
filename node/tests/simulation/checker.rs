//! The invariants, each checked as soon as an event could violate it.

use smallvec::SmallVec;
use trunkline_node::{custody::Target, defaults::TICK};
use trunkline_protocol::{Outcome, lane::ReceiptStatus};

/// What must hold in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invariant {
    /// Every accepted send gets exactly one outcome, not two and not none.
    OneOutcome,
    /// The outcome is reported by the send's deadline.
    InTime,
    /// `delivered` is reported as soon as a receipt says that a session took the message.
    Prompt,
    /// The outcome is true: `delivered` if a session took the message, `offline`, `busy` or `unreachable`
    /// only if none did or can still do so, `unconfirmed` only if it may have arrived.
    Truth,
    /// No session receives a message twice.
    Once,
    /// A session receives one sender's messages in the order they were sent.
    Order,
    /// Sends and bytes stay within their limits, and a tick leaves nothing due.
    Bounded,
    /// Custody is empty when every send has ended.
    Empty,
    /// Sessions on the sender's own node get a message at once.
    LocalFirst,
    /// No two look-ups for one user run at a time.
    OneLookUp,
    /// A known route costs no look-up.
    CachedRoute,
    /// A route expires on time, counted from when it was asked for.
    RouteTtl,
    /// `offline` follows from a miss that was asked for after the send, while no node rebuilt its
    /// entries, or from a node that denied having the user.
    Miss,
    /// Without faults, every message reaches all sessions of its user at once.
    FaultFree,
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct InvariantViolation {
    pub(crate) invariant: Invariant,
    pub(crate) detail: String,
}

/// Everything about one message, including what its custody cannot know.
#[derive(Debug, Default)]
pub(crate) struct MessageRecord {
    pub(crate) node: usize,
    pub(crate) user: usize,
    pub(crate) sender: u64,
    pub(crate) accepted_ms: u64,
    /// The count of calls into custodies when it was accepted.
    pub(crate) accepted_at: u64,
    pub(crate) due_ms: u64,
    pub(crate) outcome: Option<Outcome>,
    /// Its custody has returned the message.
    pub(crate) recycled: bool,
    /// The sessions that received it.
    pub(crate) received_by: SmallVec<[u32; 4]>,
    /// The targets that it was handed to, without those of which custody learned otherwise.
    pub(crate) attempts: SmallVec<[Target; 2]>,
    /// A node that it was handed to was reported gone. A denial by that node may come after custody
    /// has given its branch up, and not count.
    pub(crate) abandoned: bool,
    pub(crate) offered_here: bool,
    /// Some branch or look-up has failed.
    pub(crate) failed: bool,
    /// A look-up that was asked after it was accepted has found nobody.
    pub(crate) missed: bool,
    /// A node has denied having the user.
    pub(crate) denied: bool,
    /// A receipt that says that a session took it has reached its custody.
    pub(crate) confirmed: bool,
    /// Its custody has died with it.
    pub(crate) lost: bool,
}

impl MessageRecord {
    pub(crate) fn is_pending(&self) -> bool {
        self.outcome.is_none() && !self.lost
    }
}

/// Records a run and checks it.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    pub(crate) records: Vec<MessageRecord>,
    /// The first violation.
    pub(crate) violation: Option<InvariantViolation>,
    /// Messages whose outcome `offline` has yet to be checked against the cluster.
    pub(crate) offline: Vec<u32>,
    /// What happened, if the run is logged.
    pub(crate) log: Option<Vec<String>>,
}

impl Checker {
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(what());
        }
    }

    pub(crate) fn check(
        &mut self,
        invariant: Invariant,
        holds: bool,
        detail: impl FnOnce() -> String,
    ) {
        if !holds && self.violation.is_none() {
            let detail = detail();
            self.note(|| format!("VIOLATED {invariant:?}: {detail}"));
            self.violation = Some(InvariantViolation { invariant, detail });
        }
    }

    pub(crate) fn record(&mut self, id: u32) -> &mut MessageRecord {
        &mut self.records[id as usize]
    }

    /// A custody reports an outcome at `now_ms`. It was frozen until `awake_ms`.
    pub(crate) fn reported(&mut self, id: u32, outcome: Outcome, now_ms: u64, awake_ms: u64) {
        self.note(|| format!("  m{id} {outcome}"));
        let record = &mut self.records[id as usize];
        let before = record.outcome.replace(outcome);
        let latest_ms = record.due_ms.max(awake_ms) + TICK.as_millis() as u64;
        let (received, attempts) = (!record.received_by.is_empty(), !record.attempts.is_empty());
        let truth = match outcome {
            Outcome::Delivered => received,
            Outcome::Unconfirmed => !record.confirmed && (attempts || record.abandoned),
            Outcome::Offline | Outcome::Busy | Outcome::Unreachable => !received && !attempts,
        };
        let justified = outcome != Outcome::Offline || record.missed || record.denied;
        if outcome == Outcome::Offline {
            self.offline.push(id);
        }
        self.check(Invariant::OneOutcome, before.is_none(), || format!("m{id} was reported twice"));
        self.check(Invariant::InTime, now_ms <= latest_ms, || format!("m{id} was due {latest_ms}"));
        self.check(Invariant::Truth, truth, || {
            format!("m{id} is {outcome}; received: {received}, handed over: {attempts}")
        });
        self.check(Invariant::Miss, justified, || {
            format!("m{id} is offline without a miss or a denial")
        });
    }

    /// A custody returns a message.
    pub(crate) fn recycled(&mut self, id: u32) {
        let record = &mut self.records[id as usize];
        let again = std::mem::replace(&mut record.recycled, true);
        let reported = record.outcome.is_some();
        self.check(Invariant::OneOutcome, reported && !again, || {
            format!("m{id} is recycled; reported: {reported}, again: {again}")
        });
    }

    /// A session's client reads a message. `last` is what it has read from each sender.
    pub(crate) fn received(&mut self, session: u32, last: &mut SmallVec<[(u64, u32); 4]>, id: u32) {
        self.note(|| format!("  s{session} receives m{id}"));
        let record = &mut self.records[id as usize];
        let again = record.received_by.contains(&session);
        record.received_by.push(session);
        let (sender, outcome) = (record.sender, record.outcome);
        let before = match last.iter_mut().find(|(other, _)| *other == sender) {
            Some((_, before)) => std::mem::replace(before, id),
            None => {
                last.push((sender, id));
                id
            }
        };
        self.check(Invariant::Once, !again, || format!("s{session} receives m{id} again"));
        self.check(Invariant::Order, before <= id, || {
            format!("s{session} receives m{id} after m{before}")
        });
        let possible = matches!(outcome, None | Some(Outcome::Delivered | Outcome::Unconfirmed));
        self.check(Invariant::Truth, possible, || {
            format!("m{id} arrives after its outcome was {outcome:?}")
        });
    }

    /// A receipt reaches custody.
    pub(crate) fn answered(&mut self, id: u32, target: Target, status: ReceiptStatus) {
        let record = &mut self.records[id as usize];
        record.failed |= status != ReceiptStatus::Taken;
        record.denied |= status == ReceiptStatus::NotHere;
        record.confirmed |= status == ReceiptStatus::Taken;
        if matches!(status, ReceiptStatus::Full | ReceiptStatus::NotHere) {
            record.refuted(target);
        }
    }

    /// Custody has handled an answer.
    pub(crate) fn answer_handled(&mut self, id: u32) {
        let record = &self.records[id as usize];
        let reported = !record.confirmed || record.outcome.is_some();
        self.check(Invariant::Prompt, reported, || {
            format!("m{id} is delivered, and that is not reported")
        });
    }

    /// Custody learns that a branch was not handed over.
    pub(crate) fn refuted(&mut self, id: u32, target: Target) {
        self.records[id as usize].refuted(target);
    }

    /// The process that has custody of these messages dies.
    pub(crate) fn died(&mut self, ids: &[u32]) {
        for &id in ids {
            let record = &mut self.records[id as usize];
            record.lost = record.outcome.is_none();
        }
    }

    /// The messages of a node to a user that have not ended.
    pub(crate) fn pending(
        &mut self,
        node: usize,
        user: usize,
    ) -> impl Iterator<Item = &mut MessageRecord> {
        let theirs = move |record: &&mut MessageRecord| record.node == node && record.user == user;
        self.records.iter_mut().filter(theirs).filter(|record| record.is_pending())
    }
}

impl MessageRecord {
    fn refuted(&mut self, target: Target) {
        self.failed = true;
        if let Some(at) = self.attempts.iter().position(|&other| other == target) {
            self.attempts.swap_remove(at);
        }
    }
}
