//! What must hold, whatever happens. Each demand is checked as soon as it can be broken.

use smallvec::SmallVec;
use trunkline_node::{custody::Target, defaults::TICK};
use trunkline_protocol::{Outcome, lane::ReceiptStatus};

/// What a run is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Every accepted send gets exactly one outcome, not two and not none.
    OneOutcome,
    /// It is told by the send's deadline.
    InTime,
    /// `delivered` is told when the first session took the message.
    Prompt,
    /// It is true: `delivered` if a session took the message, `offline`, `busy` or `unreachable`
    /// only if none did or can still do so, `unconfirmed` only if it may have arrived.
    Truth,
    /// No session sees a message twice.
    Once,
    /// A session sees the messages of another in the order they were sent.
    Order,
    /// Sends, bytes and recipients stay within their limits, and a tick leaves nothing due.
    Bounded,
    /// Nothing is left when everything has ended.
    Empty,
    /// Sessions on the sender's own node get a message at once.
    LocalFirst,
    /// No two look-ups for one user run at a time.
    OneLookUp,
    /// A route that is known costs no look-up.
    CachedRoute,
    /// A route is believed no longer than its life, counted from when it was asked for.
    RouteLife,
    /// `offline` follows from a miss that was asked for after the send, while nobody rebuilt the
    /// directory, or from a node that said so.
    Miss,
    /// When nothing is wrong, every message reaches all sessions at once.
    Calm,
}

/// A demand that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) demand: Demand,
    pub(crate) what: String,
}

/// All there is to know about one message, beyond what its custody knows.
#[derive(Debug, Default)]
pub(crate) struct Fact {
    pub(crate) node: usize,
    pub(crate) user: usize,
    pub(crate) sender: u64,
    pub(crate) accepted_ms: u64,
    /// The world's clock of events when it was accepted.
    pub(crate) accepted_at: u64,
    pub(crate) due_ms: u64,
    pub(crate) outcome: Option<Outcome>,
    /// Its custody has given up its message.
    pub(crate) recycle: bool,
    /// The sessions that saw it.
    pub(crate) seen: SmallVec<[u32; 4]>,
    /// Where it was handed to, as far as that was not refuted to its custody.
    pub(crate) attempts: SmallVec<[Target; 2]>,
    /// A node that it was handed to was said to be gone: what that node denies later may come too
    /// late to be heard.
    pub(crate) given_up: bool,
    pub(crate) offered_here: bool,
    /// Something on its way has failed once.
    pub(crate) failed: bool,
    /// A miss was answered that was asked for after it.
    pub(crate) missed: bool,
    /// A node has said that the user is not there.
    pub(crate) denied: bool,
    /// Its custody was told that a session took it.
    pub(crate) confirmed: bool,
    /// Its custody has died.
    pub(crate) void: bool,
}

impl Fact {
    pub(crate) fn is_pending(&self) -> bool {
        self.outcome.is_none() && !self.void
    }
}

/// Watches a run.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    pub(crate) facts: Vec<Fact>,
    /// The first demand that did not hold.
    pub(crate) broken: Option<Violation>,
    /// Messages that were called offline by the last call into a custody.
    pub(crate) offline: Vec<u32>,
    /// What happened, if somebody wants to read it.
    pub(crate) log: Option<Vec<String>>,
}

impl Checker {
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(what());
        }
    }

    pub(crate) fn demand(&mut self, demand: Demand, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            let what = what();
            self.note(|| format!("BROKEN {demand:?}: {what}"));
            self.broken = Some(Violation { demand, what });
        }
    }

    pub(crate) fn fact(&mut self, id: u32) -> &mut Fact {
        &mut self.facts[id as usize]
    }

    /// A custody has told an outcome, at `now`; it could not do so before `awake_ms`.
    pub(crate) fn told(&mut self, id: u32, outcome: Outcome, now_ms: u64, awake_ms: u64) {
        self.note(|| format!("  m{id} {outcome}"));
        let fact = &mut self.facts[id as usize];
        let before = fact.outcome.replace(outcome);
        let latest_ms = fact.due_ms.max(awake_ms) + TICK.as_millis() as u64;
        let (seen, attempts) = (!fact.seen.is_empty(), !fact.attempts.is_empty());
        let truth = match outcome {
            Outcome::Delivered => seen,
            Outcome::Unconfirmed => !fact.confirmed && (attempts || fact.given_up),
            Outcome::Offline | Outcome::Busy | Outcome::Unreachable => !seen && !attempts,
        };
        let justified = outcome != Outcome::Offline || fact.missed || fact.denied;
        if outcome == Outcome::Offline {
            self.offline.push(id);
        }
        self.demand(Demand::OneOutcome, before.is_none(), || format!("m{id} was told twice"));
        self.demand(Demand::InTime, now_ms <= latest_ms, || format!("m{id} was due {latest_ms}"));
        self.demand(Demand::Truth, truth, || {
            format!("m{id} is called {outcome}; seen: {seen}, handed to somebody: {attempts}")
        });
        self.demand(Demand::Miss, justified, || format!("m{id} is called offline without reason"));
    }

    /// A custody has no use for a message any more.
    pub(crate) fn recycle(&mut self, id: u32) {
        let fact = &mut self.facts[id as usize];
        let again = std::mem::replace(&mut fact.recycle, true);
        let told = fact.outcome.is_some();
        self.demand(Demand::OneOutcome, told && !again, || {
            format!("the message of m{id} is put away; told: {told}, again: {again}")
        });
    }

    /// A session's client has read a message. `last` is what it had read from each sender.
    pub(crate) fn saw(&mut self, session: u32, last: &mut SmallVec<[(u64, u32); 4]>, id: u32) {
        self.note(|| format!("  s{session} sees m{id}"));
        let fact = &mut self.facts[id as usize];
        let again = fact.seen.contains(&session);
        fact.seen.push(session);
        let (sender, outcome) = (fact.sender, fact.outcome);
        let before = match last.iter_mut().find(|(other, _)| *other == sender) {
            Some((_, before)) => std::mem::replace(before, id),
            None => {
                last.push((sender, id));
                id
            }
        };
        self.demand(Demand::Once, !again, || format!("s{session} sees m{id} again"));
        self.demand(Demand::Order, before <= id, || {
            format!("s{session} sees m{id} after m{before}")
        });
        let possible = matches!(outcome, None | Some(Outcome::Delivered | Outcome::Unconfirmed));
        self.demand(Demand::Truth, possible, || format!("m{id} arrives, but was told {outcome:?}"));
    }

    /// Custody is told how a branch ended.
    pub(crate) fn answered(&mut self, id: u32, party: Target, status: ReceiptStatus) {
        let fact = &mut self.facts[id as usize];
        fact.failed |= status != ReceiptStatus::Taken;
        fact.denied |= status == ReceiptStatus::NotHere;
        fact.confirmed |= status == ReceiptStatus::Taken;
        if matches!(status, ReceiptStatus::Full | ReceiptStatus::NotHere) {
            fact.refuted(party);
        }
    }

    /// Custody has heard an answer: `delivered` is told at once.
    pub(crate) fn heard(&mut self, id: u32) {
        let fact = &self.facts[id as usize];
        let told = !fact.confirmed || fact.outcome.is_some();
        self.demand(Demand::Prompt, told, || format!("m{id} is delivered, and its sender waits"));
    }

    /// Custody is told that a branch surely was not handed over.
    pub(crate) fn refuted(&mut self, id: u32, party: Target) {
        self.facts[id as usize].refuted(party);
    }

    /// The process that has custody of these messages is no more.
    pub(crate) fn died(&mut self, ids: &[u32]) {
        for &id in ids {
            let fact = &mut self.facts[id as usize];
            fact.void = fact.outcome.is_none();
        }
    }

    /// The messages of a node to a user that have not ended.
    pub(crate) fn pending(&mut self, node: usize, user: usize) -> impl Iterator<Item = &mut Fact> {
        let theirs = move |fact: &&mut Fact| fact.node == node && fact.user == user;
        self.facts.iter_mut().filter(theirs).filter(|fact| fact.is_pending())
    }
}

impl Fact {
    fn refuted(&mut self, party: Target) {
        self.failed = true;
        if let Some(at) = self.attempts.iter().position(|&other| other == party) {
            self.attempts.swap_remove(at);
        }
    }
}
