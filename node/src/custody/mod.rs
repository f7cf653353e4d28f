//! Custody: the duty to bring every accepted send to exactly one outcome.
//!
//! A pure core. It does no I/O and reads no clock: each call says what happened and when, and what
//! is to be done goes through [`Outside`]. So it can be driven through any interleaving in a test.
//!
//! A send has a *branch* for this node and for each other node that the recipient's route names.
//! A branch ends with a [`Fate`]; when all have ended, their fates are joined to the outcome: any
//! taken → `delivered`, else any maybe → `unconfirmed`, else any full → `busy`, else any not reached
//! → `unreachable`, else `offline`. `delivered` is told as soon as the first branch is taken.
//!
//! A send that surely was not handed to anyone is tried again until its deadline. Sends to the same
//! user that come later wait behind it; one that was overtaken all the same is not tried again, so
//! that order holds.

mod outside;
mod recipient;
mod send;

pub use outside::{Ended, Forwarded, Here, Letter, Outside, Party};
pub use send::Fate;

use std::{
    collections::VecDeque,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use hashbrown::HashMap;
use trunkline_protocol::{
    Incarnation, Outcome, User,
    lane::{MESSAGE_LANES, Receipt},
};

use self::{
    recipient::Recipients,
    send::{Branch, Place, Send},
};
use crate::defaults::{
    LAST_RECEIPTS, PENDING_BYTES_MAX, PENDING_MAX, RECIPIENTS_MAX, RETRY, ROUTE_LIFE, SEND_DEADLINE,
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
    sends: HashMap<u64, Send<L>>,
    pending_bytes: usize,
    recipients: Recipients,
    /// When each send is due, oldest first. Sends that have ended are skipped.
    deadlines: VecDeque<(Instant, u64)>,
    /// Branches that wait for the last receipts of a dead node.
    hastened: VecDeque<(Instant, (u64, Party))>,
    /// Users whose queue is to be tried again.
    retries: VecDeque<(Instant, User)>,
}

impl<L: Letter> Custody<L> {
    /// No sends and no routes.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            last_seq: 0,
            sends: HashMap::new(),
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
    pub fn accept(&mut self, now: Instant, out: &mut impl Outside<L>, to: &str, letter: L) {
        self.last_seq += 1;
        let seq = self.last_seq;
        let bytes = letter.bytes();
        let full = self.sends.len() >= self.limits.pending_max
            || self.pending_bytes + bytes > self.limits.pending_bytes_max
            || self.recipients.len() >= self.limits.recipients_max;
        if full {
            out.tell(Ended { seq, letter: &letter, outcome: Outcome::Busy, missed: 0 });
            return;
        }
        let user = self.recipients.key(now, to);
        let deadline = now + self.limits.deadline;
        self.pending_bytes += bytes;
        self.deadlines.push_back((deadline, seq));
        self.sends.insert(seq, Send::new(letter, user.clone(), deadline));
        self.dispatch_or_queue(now, out, seq, &user);
    }

    /// The directory has answered a look-up with the incarnations that have `user`; none is a miss.
    pub fn routed(
        &mut self,
        now: Instant,
        out: &mut impl Outside<L>,
        user: &User,
        answer: Result<&[Incarnation], LookUpFailed>,
    ) {
        let Some(recipient) = self.recipients.get_mut(user) else { return };
        let Some(asked_at) = recipient.looking.take() else { return };
        match answer {
            Ok([]) if !out.rebuilding() => self.end_queue(out, user),
            Ok([]) | Err(LookUpFailed) => self.retry_later(now, user),
            Ok(nodes) => {
                recipient.keep_route(nodes, asked_at);
                self.dispatch_queue(now, out, user);
            }
        }
    }

    /// The branch of a send at `party` has come to its end there.
    pub fn answered(
        &mut self,
        now: Instant,
        out: &mut impl Outside<L>,
        party: Party,
        receipt: Receipt,
    ) {
        let fate = Fate::from(receipt.verdict);
        if receipt.route_old || fate == Fate::NotHere {
            self.forget_route_of(receipt.seq);
        }
        self.end_branch(now, out, receipt.seq, party, fate, receipt.missed.into());
    }

    /// A batch has come back: its messages, of which `seqs` names the lowest and the highest number,
    /// surely were not handed to `destination`. `fate` says why.
    pub fn refused(
        &mut self,
        now: Instant,
        out: &mut impl Outside<L>,
        destination: Incarnation,
        batch: u32,
        seqs: RangeInclusive<u64>,
        fate: Fate,
    ) {
        for seq in self.numbers_in(seqs, |send| send.is_in_batch(destination, batch)) {
            if fate == Fate::NotReached {
                self.forget_route_of(seq);
            }
            self.end_branch(now, out, seq, Party::Node(destination), fate, 0);
        }
    }

    /// The link is gone. `handed` names, for each lane, the last batch that QUIC took: what is in
    /// later ones surely was not handed over and is tried again. The rest may have arrived, and
    /// receipts for it may still come by the next link.
    pub fn link_lost(
        &mut self,
        now: Instant,
        out: &mut impl Outside<L>,
        handed: [u32; MESSAGE_LANES],
    ) {
        for (seq, party) in self.branches(|branch| branch.place.is_behind(&handed)) {
            self.end_branch(now, out, seq, party, Fate::NotReached, 0);
        }
        for send in self.sends.values_mut() {
            send.branches.iter_mut().for_each(|branch| branch.place = Place::Handed);
        }
    }

    /// The link is back: what waits for it is tried at once.
    pub fn link_up(&mut self, now: Instant, out: &mut impl Outside<L>) {
        for (_, user) in std::mem::take(&mut self.retries) {
            self.try_again(now, out, &user);
        }
    }

    /// A node has died, or left. What was handed to it may have arrived, and no answer will come
    /// after the last receipts that are under way.
    pub fn gone(&mut self, now: Instant, node: Incarnation) {
        self.recipients.forget_routes_to(node);
        let due = now + LAST_RECEIPTS;
        let handed = self.branches(|branch| branch.party == Party::Node(node));
        self.hastened.extend(handed.into_iter().map(|branch| (due, branch)));
    }

    /// When [`Self::tick`] is needed next, at the latest.
    pub fn next_tick(&self) -> Option<Instant> {
        let dues = [
            self.deadlines.front().map(|(due, _)| *due),
            self.hastened.front().map(|(due, _)| *due),
            self.retries.front().map(|(due, _)| *due),
            self.recipients.next_expiry(),
        ];
        dues.into_iter().flatten().min()
    }

    /// Ends what is due, and tries again what has waited long enough.
    pub fn tick(&mut self, now: Instant, out: &mut impl Outside<L>) {
        while let Some((_, seq)) = self.deadlines.pop_front_if(|(due, _)| *due <= now) {
            self.expire(now, out, seq);
        }
        while let Some((_, (seq, party))) = self.hastened.pop_front_if(|(due, _)| *due <= now) {
            self.end_branch(now, out, seq, party, Fate::Maybe, 0);
        }
        while let Some((_, user)) = self.retries.pop_front_if(|(due, _)| *due <= now) {
            self.try_again(now, out, &user);
        }
        self.recipients.expire(now);
    }
}

/// What happens to one send.
impl<L: Letter> Custody<L> {
    fn dispatch_or_queue(
        &mut self,
        now: Instant,
        out: &mut impl Outside<L>,
        seq: u64,
        user: &User,
    ) {
        let Some(recipient) = self.recipients.get_mut(user) else { return };
        if recipient.queue.is_empty() && recipient.has_route(now, self.limits.route_life) {
            self.dispatch(now, out, seq);
            return;
        }
        // This node's own sessions need no route, unless an earlier send has yet to try them.
        let here_waits = recipient.here_waits;
        let tried_here = !here_waits && self.deliver_here(out, seq);
        if let Some(send) = self.sends.get_mut(&seq) {
            send.queued = true;
        }
        if let Some(recipient) = self.recipients.get_mut(user) {
            recipient.here_waits |= !tried_here;
            recipient.queue.push_back(seq);
            if !recipient.retrying && !recipient.retry_scheduled {
                self.look_up(now, out, user);
            }
        }
    }

    /// Hands a send to everyone its route names.
    fn dispatch(&mut self, now: Instant, out: &mut impl Outside<L>, seq: u64) {
        self.deliver_here(out, seq);
        let Some(send) = self.sends.get_mut(&seq) else { return };
        let Some(recipient) = self.recipients.get_mut(&send.to) else { return };
        for node in recipient.nodes().into_iter().flatten() {
            if out.is_here(node) {
                continue;
            }
            match out.forward(node, seq, &send.letter) {
                Forwarded::InBatch { lane, batch } => {
                    let place = Place::InBatch { lane, batch };
                    send.branches.push(Branch { party: Party::Node(node), place });
                    recipient.in_flight += 1;
                }
                Forwarded::Full => send.fates.add(Fate::Full, 0),
                Forwarded::NoLink => send.fates.add(Fate::NotReached, 0),
            }
        }
        self.settle(now, out, seq);
    }

    /// Gives a send to this node's own sessions of its recipient, if they have not got it. Returns
    /// whether there were any.
    fn deliver_here(&mut self, out: &mut impl Outside<L>, seq: u64) -> bool {
        let Some(send) = self.sends.get_mut(&seq) else { return true };
        if send.tried_here {
            return true;
        }
        match out.deliver_here(seq, &send.to, &send.letter) {
            Here::Nobody => return false,
            Here::Full => send.fates.add(Fate::Full, 0),
            Here::Waiting => {
                send.branches.push(Branch { party: Party::Here, place: Place::Handed });
            }
        }
        send.tried_here = true;
        true
    }

    fn end_branch(
        &mut self,
        now: Instant,
        out: &mut impl Outside<L>,
        seq: u64,
        party: Party,
        fate: Fate,
        missed: u32,
    ) {
        let Some(send) = self.sends.get_mut(&seq) else { return };
        if !send.end_branch(party, fate, missed) {
            return;
        }
        send.tell_delivered(seq, out);
        if party != Party::Here {
            self.landed(now, out, seq, fate);
        }
        self.settle(now, out, seq);
    }

    /// A branch of a send to another node has ended.
    fn landed(&mut self, now: Instant, out: &mut impl Outside<L>, seq: u64, fate: Fate) {
        let Some(send) = self.sends.get(&seq) else { return };
        let Some(recipient) = self.recipients.get_mut(&send.to) else { return };
        recipient.in_flight = recipient.in_flight.saturating_sub(1);
        if !recipient.retrying {
            return;
        }
        let (user, sender) = (send.to.clone(), send.letter.sender());
        if fate == Fate::Taken {
            for earlier in recipient.queue.iter().take_while(|&&earlier| earlier < seq) {
                if let Some(send) = self.sends.get_mut(earlier) {
                    send.overtaken |= send.tried && send.letter.sender() == sender;
                }
            }
        }
        if recipient.looking.is_none() {
            self.dispatch_queue(now, out, &user);
        }
    }

    /// Ends a send, or puts it up for another try, if nothing of it is under way.
    fn settle(&mut self, now: Instant, out: &mut impl Outside<L>, seq: u64) {
        let Some(send) = self.sends.get(&seq) else { return };
        if send.queued || !send.branches.is_empty() {
            return;
        }
        if send.fates.are_final() || send.overtaken || send.deadline <= now {
            self.end(out, seq);
        } else {
            self.queue_again(now, out, seq);
        }
    }

    fn queue_again(&mut self, now: Instant, out: &mut impl Outside<L>, seq: u64) {
        let Some(send) = self.sends.get_mut(&seq) else { return };
        let user = send.to.clone();
        let Some(recipient) = self.recipients.get_mut(&user) else { return };
        recipient.queue_again(seq);
        recipient.here_waits |= !send.tried_here;
        recipient.retrying = true;
        send.queued = true;
        // The first time, the route was probably just old.
        let first = !std::mem::replace(&mut send.tried, true);
        if first { self.look_up(now, out, &user) } else { self.retry_later(now, &user) }
    }

    /// Time is up for a send, if it has not ended.
    fn expire(&mut self, now: Instant, out: &mut impl Outside<L>, seq: u64) {
        let Some(send) = self.sends.get_mut(&seq) else { return };
        let user = send.to.clone();
        let remote = send.give_up();
        self.end(out, seq);
        let Some(recipient) = self.recipients.get_mut(&user) else { return };
        recipient.in_flight = recipient.in_flight.saturating_sub(remote);
        recipient.unqueue(seq);
        if recipient.retrying && recipient.looking.is_none() {
            self.dispatch_queue(now, out, &user);
        }
    }

    fn end(&mut self, out: &mut impl Outside<L>, seq: u64) {
        let Some(mut send) = self.sends.remove(&seq) else { return };
        self.pending_bytes -= send.letter.bytes();
        send.tell(seq, out);
    }

    fn forget_route_of(&mut self, seq: u64) {
        let Some(send) = self.sends.get(&seq) else { return };
        if let Some(recipient) = self.recipients.get_mut(&send.to) {
            recipient.forget_route();
        }
    }
}

/// What happens to the sends that wait for one user.
impl<L: Letter> Custody<L> {
    fn look_up(&mut self, now: Instant, out: &mut impl Outside<L>, user: &User) {
        let Some(recipient) = self.recipients.get_mut(user) else { return };
        if recipient.looking.is_none() {
            recipient.looking = Some(now);
            out.look_up(user);
        }
    }

    /// Dispatches everything that waits for `user`, in order, if the route is known and nothing
    /// that was sent later is still under way.
    fn dispatch_queue(&mut self, now: Instant, out: &mut impl Outside<L>, user: &User) {
        let Some(recipient) = self.recipients.get_mut(user) else { return };
        if recipient.queue.is_empty() || (recipient.retrying && recipient.in_flight > 0) {
            return;
        }
        if !recipient.has_route(now, self.limits.route_life) {
            self.look_up(now, out, user);
            return;
        }
        for seq in self.take_queue(user) {
            let overtaken = self.sends.get(&seq).is_some_and(|send| send.overtaken);
            if overtaken { self.settle(now, out, seq) } else { self.dispatch(now, out, seq) }
        }
    }

    /// The directory knows no session of `user`: what waits ends, but for what this node's own
    /// sessions got.
    fn end_queue(&mut self, out: &mut impl Outside<L>, user: &User) {
        for seq in self.take_queue(user) {
            self.deliver_here(out, seq);
            let Some(send) = self.sends.get(&seq) else { continue };
            if send.branches.is_empty() {
                self.end(out, seq);
            }
        }
    }

    fn take_queue(&mut self, user: &User) -> VecDeque<u64> {
        let Some(recipient) = self.recipients.get_mut(user) else { return VecDeque::new() };
        recipient.retrying = false;
        recipient.here_waits = false;
        let queue = std::mem::take(&mut recipient.queue);
        for seq in &queue {
            if let Some(send) = self.sends.get_mut(seq) {
                send.queued = false;
                send.fates.clear_misses();
            }
        }
        queue
    }

    fn retry_later(&mut self, now: Instant, user: &User) {
        let Some(recipient) = self.recipients.get_mut(user) else { return };
        if !std::mem::replace(&mut recipient.retry_scheduled, true) {
            self.retries.push_back((now + RETRY, user.clone()));
        }
    }

    fn try_again(&mut self, now: Instant, out: &mut impl Outside<L>, user: &User) {
        let Some(recipient) = self.recipients.get_mut(user) else { return };
        recipient.retry_scheduled = false;
        if recipient.looking.is_none() {
            self.dispatch_queue(now, out, user);
        }
    }

    /// The numbers of the sends in `seqs` that `fit`, in order.
    fn numbers_in(&self, seqs: RangeInclusive<u64>, fit: impl Fn(&Send<L>) -> bool) -> Vec<u64> {
        let span = seqs.end().saturating_sub(*seqs.start());
        if span <= self.sends.len() as u64 {
            return seqs.filter(|seq| self.sends.get(seq).is_some_and(&fit)).collect();
        }
        let all = self.sends.iter().filter(|(seq, send)| seqs.contains(seq) && fit(send));
        let mut numbers: Vec<_> = all.map(|(&seq, _)| seq).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The open branches that `fit`, in the order of their sends.
    fn branches(&self, fit: impl Fn(&Branch) -> bool) -> Vec<(u64, Party)> {
        let mut branches: Vec<_> = self
            .sends
            .iter()
            .flat_map(|(&seq, send)| send.branches.iter().map(move |branch| (seq, branch)))
            .filter(|(_, branch)| fit(branch))
            .map(|(seq, branch)| (seq, branch.party))
            .collect();
        branches.sort_unstable_by_key(|&(seq, _)| seq);
        branches
    }
}
