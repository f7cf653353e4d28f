//! Custody: the duty to bring every accepted send to exactly one outcome.
//!
//! A pure core. It does no I/O and reads no clock: each call says what happened and when, and what
//! is to be done goes through [`Environment`]. So it can be driven through any interleaving in a test.
//!
//! A send has a *branch* for this node and for each other node that the recipient's route names.
//! A branch ends with a [`BranchResult`]; when all have ended, their fates are joined to the outcome: any
//! taken → `delivered`, else any maybe → `unconfirmed`, else any full → `busy`, else any not reached
//! → `unreachable`, else `offline`. `delivered` is told as soon as the first branch is taken.
//!
//! A send that surely was not handed to anyone is tried again until its deadline. Sends to the same
//! user that come later wait behind it, and it waits until those have landed that were under way
//! already. If one of the same sender may have overtaken it, it is not tried again: order holds.

mod dispatch;
mod environment;
mod order;
mod queue;
mod recipient;
mod send;
mod sends;
#[cfg(test)]
mod tests;

pub use environment::{Ended, Environment, Forwarded, Letter, LocalDelivery, Target};
pub use send::BranchResult;

use std::{
    collections::VecDeque,
    hint::black_box,
    iter,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use trunkline_protocol::{
    Incarnation, Outcome, User,
    lane::{MESSAGE_LANES, Receipt},
};

use self::{
    recipient::{Recipients, Route},
    send::{PendingSend, Place},
    sends::Sends,
};
use crate::defaults::{
    LAST_RECEIPTS, PENDING_BYTES_MAX, PENDING_MAX, RECIPIENTS_MAX, ROUTE_LIFE, SEND_DEADLINE,
};

/// What custody is held to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a send may take to its outcome.
    pub deadline: Duration,
    /// How long a route is believed.
    pub route_life: Duration,
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
            route_life: ROUTE_LIFE,
            recipients_max: RECIPIENTS_MAX,
            pending_max: PENDING_MAX,
            pending_bytes_max: PENDING_BYTES_MAX,
        }
    }
}

/// The directory could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookUpFailed;

/// All sends that this node has custody of, and the routes of their recipients.
#[derive(Debug)]
pub struct Custody<L> {
    limits: Limits,
    last_seq: u64,
    sends: Sends<L>,
    pending_bytes: usize,
    recipients: Recipients,
    deadlines: VecDeque<Deadline>,
    /// Branches that wait for the last receipts of a dead node.
    hastened: VecDeque<(Instant, (u64, Target))>,
    /// Recipients whose queue is to be tried again.
    retries: VecDeque<(Instant, usize)>,
}

/// When the sends with these numbers are due: those that came within one tick. Some may have
/// ended before.
#[derive(Debug)]
struct Deadline {
    due: Instant,
    first: u64,
    last: u64,
}

impl<L: Letter> Custody<L> {
    /// No sends and no routes.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            last_seq: 0,
            sends: Sends::default(),
            pending_bytes: 0,
            recipients: Recipients::new(limits.route_life),
            deadlines: VecDeque::new(),
            hastened: VecDeque::new(),
            retries: VecDeque::new(),
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

    /// The number that the next accepted send gets. Numbers start at 1.
    pub fn next_seq(&self) -> u64 {
        self.last_seq + 1
    }

    /// Takes custody of a send to `to`, a valid user key. Its outcome may be told before this
    /// returns.
    ///
    /// # Panics
    /// If `to` is not a valid user key.
    pub fn accept(&mut self, now: Instant, out: &mut impl Environment<L>, to: &str, message: L) {
        self.last_seq += 1;
        let (seq, bytes) = (self.last_seq, message.bytes());
        let Some(to) = self.admit(now, to, bytes) else {
            out.tell(Ended { seq, message: &message, outcome: Outcome::Busy, missed: 0 });
            out.recycle(message);
            return;
        };
        self.pending_bytes += bytes;
        self.sends.insert(seq, PendingSend::new(message, to));
        self.set_deadline(now, seq);
        let recipient = &mut self.recipients[to];
        recipient.pending += 1;
        if recipient.queue.is_empty() && recipient.has_route(now, self.limits.route_life) {
            self.dispatch(now, out, to, iter::once(seq));
        } else {
            self.enqueue(now, out, to, seq);
        }
    }

    /// The directory has answered a look-up with the incarnations that have `user`; none is a miss.
    pub fn routed(
        &mut self,
        now: Instant,
        out: &mut impl Environment<L>,
        user: &User,
        answer: Result<&[Incarnation], LookUpFailed>,
    ) {
        let Some(to) = self.recipients.find(user.as_str()) else { return };
        let recipient = &mut self.recipients[to];
        let Route::Asked { at, last } = recipient.route else { return };
        recipient.route = Route::Unknown;
        match answer {
            Ok([]) if !out.rebuilding() => self.end_missed(out, to, last),
            Ok([]) | Err(LookUpFailed) => self.ask_later(now, to),
            Ok(nodes) => recipient.route = Route::Known { nodes: nodes.into(), asked_at: at },
        }
        self.resume(now, out, to);
    }

    /// The branch of a send at `party` has come to its end there.
    pub fn answered(
        &mut self,
        now: Instant,
        out: &mut impl Environment<L>,
        party: Target,
        receipt: Receipt,
    ) {
        let fate = BranchResult::from(receipt.status);
        if receipt.route_stale || fate == BranchResult::NotHere {
            self.forget_route_of(receipt.seq);
        }
        self.end_branch(now, out, receipt.seq, party, fate, receipt.missed.into());
    }

    /// Receipts for these sends are about to be told. By then the sends have left the processor's
    /// caches; looked at in one go, they come back all at once instead of one after the other.
    pub fn fetch(&self, seqs: impl Iterator<Item = u64>) {
        for send in seqs.filter_map(|seq| self.sends.get(seq)) {
            black_box((send.message.sender(), send.branches.len(), send.fate));
        }
    }

    /// A batch has come back: its messages, of which `seqs` names the lowest and the highest number,
    /// surely were not handed to `destination`. `fate` says why.
    pub fn refused(
        &mut self,
        now: Instant,
        out: &mut impl Environment<L>,
        destination: Incarnation,
        batch: u32,
        seqs: RangeInclusive<u64>,
        fate: BranchResult,
    ) {
        for seq in self.numbers_in(seqs, |send| send.is_in_batch(destination, batch)) {
            if fate == BranchResult::NotReached {
                self.forget_route_of(seq);
            }
            self.end_branch(now, out, seq, Target::Node(destination), fate, 0);
        }
    }

    /// The link is gone. `handed` names, for each lane, the last batch that QUIC took: what is in
    /// later ones surely was not handed over and is tried again. The rest may have arrived, and
    /// receipts for it may still come by the next link.
    pub fn link_lost(
        &mut self,
        now: Instant,
        out: &mut impl Environment<L>,
        handed: [u32; MESSAGE_LANES],
    ) {
        let lost = self.branches(|branch| branch.place.is_behind(&handed));
        for send in self.sends.values_mut() {
            send.branches.iter_mut().for_each(|branch| branch.place = Place::Handed);
        }
        for (seq, party) in lost {
            self.end_branch(now, out, seq, party, BranchResult::NotReached, 0);
        }
    }

    /// The link is back: what waits for it is tried at once.
    pub fn link_up(&mut self, now: Instant, out: &mut impl Environment<L>) {
        for (_, to) in std::mem::take(&mut self.retries) {
            self.try_again(now, out, to);
        }
    }

    /// A node has died, or left. What was handed to it may have arrived, and no answer will come
    /// after the last receipts that are under way.
    pub fn gone(&mut self, now: Instant, node: Incarnation) {
        self.recipients.forget_routes_to(node);
        let due = now + LAST_RECEIPTS;
        let open = self.branches(|branch| branch.party == Target::Node(node));
        self.hastened.extend(open.into_iter().map(|branch| (due, branch)));
    }

    /// When [`Self::tick`] is needed next, at the latest.
    pub fn next_tick(&self) -> Option<Instant> {
        let dues = [
            self.deadlines.front().map(|deadline| deadline.due),
            self.hastened.front().map(|(due, _)| *due),
            self.retries.front().map(|(due, _)| *due),
            self.recipients.next_expiry(),
        ];
        dues.into_iter().flatten().min()
    }

    /// Ends what is due, and tries again what has waited long enough.
    pub fn tick(&mut self, now: Instant, out: &mut impl Environment<L>) {
        while let Some(past) = self.deadlines.pop_front_if(|deadline| deadline.due <= now) {
            (past.first..=past.last).for_each(|seq| self.expire(now, out, seq));
        }
        while let Some((_, (seq, party))) = self.hastened.pop_front_if(|(due, _)| *due <= now) {
            self.end_branch(now, out, seq, party, BranchResult::Maybe, 0);
        }
        while let Some((_, to)) = self.retries.pop_front_if(|(due, _)| *due <= now) {
            self.try_again(now, out, to);
        }
        self.recipients.expire(now);
    }
}
