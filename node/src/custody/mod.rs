//! Custody: the duty to bring every accepted send to exactly one outcome.
//!
//! The name is that of delay-tolerant networking (RFC 5050, *custody transfer*). Here custody is never
//! transferred: the sender's node keeps it until it has reported the outcome, and other nodes answer
//! with receipts.
//!
//! A pure core. It does no I/O and reads no clock: each call says what happened and when, and all
//! effects go through [`Environment`]. So a test can drive it through any interleaving
//! (`node/tests/simulation`).
//!
//! # Invariants
//!
//! 1. Every accepted send has exactly one outcome, which is true, by its deadline.
//! 2. A session receives one sender's messages in the order they were sent, each once.
//! 3. Only what surely was not handed over is sent again.
//! 4. A miss is not cached, and `offline` follows only from a miss that was asked for after the send,
//!    or from a node that denied having the user.
//! 5. Sends, their bytes and recipients are bounded. A send over a bound is `busy` at once.
//!
//! # A send
//!
//! ```text
//!             accept
//!               │ no route, or others wait       route known, nobody waits
//!               ├───────────────────────────────────────────────────┐
//!               ▼      sessions here                                ▼
//!            Queued ───────────────▶ OfferedHere ─── dispatch ─▶ InFlight ──┐
//!               └───────────────── dispatch ────────────────────▶           │
//!                                                                           │ every branch failed:
//!               ┌──────────────────── requeue ──────────────────────────────┤ surely nobody has it
//!               ▼                                                           │
//!         AwaitingRetry ──────────── dispatch ─────────────────▶ Retrying ──┘
//!
//!   From any state:  deadline ▶ outcome
//!   From InFlight and Retrying:  a final result and no open branch, or overtaken ▶ outcome
//! ```
//!
//! A queue is dispatched as a whole, in order. Sends to the same user that come later wait behind one
//! that is to be tried again, and that one waits until those have landed that were in flight already.
//! If one of the same sender may have arrived, it is not tried again: order comes before delivery.
//!
//! # A branch
//!
//! A send has a *branch* for this node and for each other node that the recipient's route names. A
//! branch is open until it has a [`BranchResult`]:
//!
//! ```text
//!   Local:   its socket takes it, or its session ends ▶ Taken, Maybe, NotHere
//!   Remote:  a receipt, by any link                   ▶ Taken, Maybe, Full, NotHere
//!            a refusal, by the link of its batch      ▶ Full, NotReached
//!            that link lost, and QUIC had not taken its batch ▶ NotReached
//!            that link lost, and QUIC had taken it    ▶ stays open: a receipt may come by another link
//!            its node gone, and the time for last receipts over ▶ Maybe
//!   Either:  deadline                                 ▶ Maybe
//! ```
//!
//! When all have ended, the greatest result decides: any taken → `delivered`, else any maybe →
//! `unconfirmed`, else any full → `busy`, else any not reached → `unreachable`, else `offline`.
//! `delivered` is reported as soon as the first branch is taken.
//!
//! # Races
//!
//! - *A receipt against the loss of a link, the death of a node, a new incarnation of a node*:
//!   `PendingSend::end_branch`.
//! - *A refusal against a new link*: [`RelayLinkId`].
//! - *A session that logs in here against a look-up*: `Custody::offer_queue_here`, `end_missed`.
//! - *A failure against later sends that are in flight*: `Recipient::awaits_later_sends`,
//!   `DeliveryOrder`.
//! - *A miss against a login after the question*: [`Custody::routed`].
//!
//! One event is handled at a time: what it does to queues is done last, by one loop
//! (`Custody::run`).

mod branch;
mod dispatch;
mod environment;
mod order;
mod queue;
mod recipient;
mod send;
mod sends;
#[cfg(test)]
mod tests;
mod timers;

pub use branch::{BranchResult, RelayLinkId, Target};
pub use environment::{
    Environment, Forwarded, LocalDelivery, OutcomeReport, Payload, RefusedBatch,
};

use std::{
    hint::black_box,
    iter,
    time::{Duration, Instant},
};

use trunkline_protocol::{
    Incarnation, Outcome, User,
    lane::{MESSAGE_LANES, Receipt},
};

use self::{
    branch::Branch,
    recipient::{Recipients, RouteState},
    send::PendingSend,
    sends::Sends,
    timers::Timers,
};
use crate::defaults::{
    LAST_RECEIPTS, PENDING_BYTES_MAX, PENDING_MAX, RECIPIENTS_MAX, ROUTE_LIFE, SEND_DEADLINE,
    SESSION_PENDING_BYTES_MAX, SESSION_PENDING_MAX, SESSION_PENDING_PART,
};

/// The bounds that custody keeps.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a send may take to its outcome.
    pub deadline: Duration,
    /// How long a route is believed.
    pub route_ttl: Duration,
    /// How many recipients are known at a time.
    pub recipients_max: usize,
    /// How many sends may be pending.
    pub pending_max: usize,
    /// How many bytes these may hold.
    pub pending_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: SEND_DEADLINE,
            route_ttl: ROUTE_LIFE,
            recipients_max: RECIPIENTS_MAX,
            pending_max: PENDING_MAX,
            pending_bytes_max: PENDING_BYTES_MAX,
        }
    }
}

/// What one session may have in custody before it is read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionShare {
    /// How many sends.
    pub sends: usize,
    /// How many bytes these may hold.
    pub bytes: usize,
}

/// The directory could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookUpFailed;

/// All sends that this node has custody of, and the routes of their recipients.
#[derive(Debug)]
pub struct Custody<P> {
    limits: Limits,
    last_seq: u64,
    sends: Sends<P>,
    pending_bytes: usize,
    recipients: Recipients,
    timers: Timers,
    last_link: Option<RelayLinkId>,
    /// Recipients whose queue [`Self::run`] has yet to look at.
    woken: Vec<usize>,
}

impl<P: Payload> Custody<P> {
    /// No sends and no routes.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            last_seq: 0,
            sends: Sends::default(),
            pending_bytes: 0,
            recipients: Recipients::new(limits.route_ttl),
            timers: Timers::default(),
            last_link: None,
            woken: Vec::new(),
        }
    }

    /// How many sends wait for their outcome.
    pub fn pending(&self) -> usize {
        self.sends.len()
    }

    /// How many bytes these hold.
    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// What one session may have in custody now: less while there is much, so that some room is left
    /// however many sessions take their share.
    pub fn session_share(&self) -> SessionShare {
        let sends = self.limits.pending_max.saturating_sub(self.pending());
        let bytes = self.limits.pending_bytes_max.saturating_sub(self.pending_bytes);
        SessionShare {
            sends: (sends / SESSION_PENDING_PART).min(SESSION_PENDING_MAX),
            bytes: (bytes / SESSION_PENDING_PART).min(SESSION_PENDING_BYTES_MAX),
        }
    }

    /// The number that the next accepted send gets. Numbers start at 1.
    pub fn next_seq(&self) -> u64 {
        self.last_seq + 1
    }

    /// Takes custody of a send to `user`, a valid user key. Its outcome may be reported before this
    /// returns.
    ///
    /// # Panics
    /// If `user` is not a valid user key.
    pub fn accept(&mut self, now: Instant, out: &mut impl Environment<P>, user: &str, message: P) {
        self.last_seq += 1;
        let (seq, bytes) = (self.last_seq, message.bytes());
        let Some(to) = self.admit(now, user, bytes) else {
            let outcome = Outcome::Busy;
            out.report(OutcomeReport { seq, message: &message, outcome, missed: 0 });
            out.recycle(message);
            return;
        };
        self.pending_bytes += bytes;
        self.sends.insert(seq, PendingSend::new(message, to));
        self.timers.set_deadline(now + self.limits.deadline, seq);
        let recipient = &mut self.recipients[to];
        recipient.pending += 1;
        if recipient.queue.is_empty() && recipient.has_route(now, self.limits.route_ttl) {
            self.dispatch(now, out, to, iter::once(seq));
        } else {
            recipient.queue.push_back(seq);
            self.offer_queue_here(out, to);
            self.wake(to);
        }
        self.run(now, out);
    }

    /// The directory has answered a look-up with the incarnations that have `user`; none is a miss.
    pub fn routed(
        &mut self,
        now: Instant,
        out: &mut impl Environment<P>,
        user: &User,
        answer: Result<&[Incarnation], LookUpFailed>,
    ) {
        let Some(to) = self.recipients.find(user.as_str()) else { return };
        let recipient = &mut self.recipients[to];
        let RouteState::Asked { at, last } = recipient.route else { return };
        recipient.route = RouteState::Unknown;
        match answer {
            Ok([]) if !out.rebuilding() => self.end_missed(out, to, last),
            Ok([]) | Err(LookUpFailed) => self.end_unanswered(now, to),
            Ok(nodes) => recipient.route = RouteState::Known { nodes: nodes.into(), asked_at: at },
        }
        self.wake(to);
        self.run(now, out);
    }

    /// A receipt has come from `target`. It counts whichever link it came by: a receipt survives the
    /// loss of the link that its message went by.
    pub fn answered(
        &mut self,
        now: Instant,
        out: &mut impl Environment<P>,
        target: Target,
        receipt: Receipt,
    ) {
        let result = BranchResult::from(receipt.status);
        if receipt.route_stale || result == BranchResult::NotHere {
            self.forget_route_of(receipt.seq);
        }
        self.end_branch(now, out, (receipt.seq, target), result, receipt.missed.into());
        self.run(now, out);
    }

    /// Fetches the sends that receipts are about to come for. They left the processor's caches long
    /// ago: read together, their cache misses overlap instead of following each other.
    pub fn prefetch(&self, seqs: impl Iterator<Item = u64>) {
        for send in seqs.filter_map(|seq| self.sends.get(seq)) {
            black_box((send.message.sender(), send.branches.len(), send.result));
        }
    }

    /// A relay has sent a batch back.
    pub fn refused(&mut self, now: Instant, out: &mut impl Environment<P>, refused: RefusedBatch) {
        let RefusedBatch { link, destination, number, seqs, result } = refused;
        // Batches of all lanes and nodes share the range of numbers: only the batch's own count.
        let fit = |branch: &Branch| branch.is_in_batch(destination, link, number);
        for branch in self.open_branches(seqs, fit) {
            if result == BranchResult::NotReached {
                self.forget_route_of(branch.0);
            }
            self.end_branch(now, out, branch, result, 0);
        }
        self.run(now, out);
    }

    /// A link is up: what waits for one is tried at once.
    pub fn link_up(&mut self, now: Instant, out: &mut impl Environment<P>, link: RelayLinkId) {
        debug_assert!(self.last_link < Some(link), "the id of a link is never used again");
        self.last_link = Some(link);
        for to in self.timers.take_retries() {
            self.end_back_off(to);
        }
        self.run(now, out);
    }

    /// A link is lost. `handed` names, for each lane, the last batch that QUIC took: later ones
    /// surely never left this node, and their messages are tried again. The others may have arrived,
    /// and receipts for them may still come by another link.
    pub fn link_lost(
        &mut self,
        now: Instant,
        out: &mut impl Environment<P>,
        link: RelayLinkId,
        handed: [u32; MESSAGE_LANES],
    ) {
        let unsent = |branch: &Branch| branch.is_unsent(link, &handed);
        for branch in self.open_branches(0..=u64::MAX, unsent) {
            self.end_branch(now, out, branch, BranchResult::NotReached, 0);
        }
        self.run(now, out);
    }

    /// A node has died, or left. What was handed to it may have arrived, and no answer will come
    /// after its last receipts, which are still on their way.
    pub fn gone(&mut self, now: Instant, node: Incarnation) {
        self.recipients.forget_routes_to(node);
        let open = |branch: &Branch| branch.goes_to(Target::Node(node));
        let branches = self.open_branches(0..=u64::MAX, open);
        self.timers.await_last_receipts(now + LAST_RECEIPTS, branches);
    }

    /// When [`Self::tick`] is needed next, at the latest.
    pub fn next_tick(&self) -> Option<Instant> {
        [self.timers.next_due(), self.recipients.next_expiry()].into_iter().flatten().min()
    }

    /// Ends what is due, and tries again what has backed off for long enough.
    pub fn tick(&mut self, now: Instant, out: &mut impl Environment<P>) {
        while let Some(seqs) = self.timers.pop_expired(now) {
            seqs.for_each(|seq| self.expire(out, seq));
        }
        while let Some(branch) = self.timers.pop_abandoned(now) {
            self.end_branch(now, out, branch, BranchResult::Maybe, 0);
        }
        while let Some(to) = self.timers.pop_retry(now) {
            self.end_back_off(to);
        }
        self.run(now, out);
        self.recipients.expire(now);
    }
}
