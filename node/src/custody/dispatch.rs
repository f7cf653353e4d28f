use std::{ops::RangeInclusive, time::Instant};

use super::{
    Custody,
    branch::{Branch, BranchResult, Target},
    environment::{Environment, Payload},
    recipient::RouteState,
    send::NextStep,
};

/// What happens to one send.
impl<P: Payload> Custody<P> {
    /// Finds or adds the recipient of a send of `bytes`; `None` if there is no room for it.
    pub(super) fn admit(&mut self, now: Instant, user: &str, bytes: usize) -> Option<usize> {
        let limits = &self.limits;
        if self.sends.len() >= limits.pending_max
            || self.pending_bytes + bytes > limits.pending_bytes_max
        {
            return None;
        }
        self.recipients.find(user).or_else(|| {
            let room = self.recipients.len() < limits.recipients_max;
            room.then(|| self.recipients.add(now, user))
        })
    }

    /// Hands sends over to every target that the route of their recipient names.
    pub(super) fn dispatch(
        &mut self,
        now: Instant,
        out: &mut impl Environment<P>,
        to: usize,
        seqs: impl IntoIterator<Item = u64>,
    ) {
        let mut is_stale = false;
        for seq in seqs {
            let (next, named_in_vain) = self.hand_over(out, seq);
            is_stale |= named_in_vain;
            self.proceed(now, out, seq, next);
        }
        // Not earlier: all of these sends go by the same route, or their order could break.
        if is_stale {
            self.recipients[to].forget_route();
        }
        self.wake(to);
    }

    /// Takes one send out of the queue and hands it over. Returns what happens next to it, and
    /// whether the route names this node although the user has no session here.
    pub(super) fn hand_over(
        &mut self,
        out: &mut impl Environment<P>,
        seq: u64,
    ) -> (NextStep, bool) {
        let Some(send) = self.sends.get_mut(seq) else { return (NextStep::Wait, false) };
        let recipient = &mut self.recipients[send.to];
        let is_retry = send.is_retry();
        let offer_here = send.begin_dispatch();
        // A later send may have arrived while this one waited. A first dispatch goes ahead all the
        // same: sessions here were offered it before any later send, and other nodes had neither.
        if is_retry && recipient.order.is_overtaken(send.message.sender(), seq) {
            return (send.next_step(seq, &recipient.order), false);
        }
        if offer_here {
            send.offer_here(seq, &recipient.user, out);
        }
        let held_here = send.is_held_here();
        let mut named_in_vain = false;
        if let RouteState::Known { nodes, .. } = &recipient.route {
            for &node in nodes {
                if !out.is_here(node) {
                    send.forward(seq, node, out);
                } else if !held_here {
                    named_in_vain = true;
                    send.join(BranchResult::NotHere, 0);
                }
            }
        }
        if !send.branches.is_empty() && !send.may_have_arrived() {
            recipient.order.open(seq);
        }
        (send.next_step(seq, &recipient.order), named_in_vain)
    }

    /// Ends a send's branch to `target`.
    pub(super) fn end_branch(
        &mut self,
        now: Instant,
        out: &mut impl Environment<P>,
        (seq, target): (u64, Target),
        result: BranchResult,
        missed: u32,
    ) {
        // A receipt may come after the deadline, or after the branch was given up.
        let Some(send) = self.sends.get_mut(seq) else { return };
        let was_reported = send.is_reported();
        if !send.end_branch(target, result, missed) {
            return;
        }
        let to = send.to;
        let recipient = &mut self.recipients[to];
        if result.may_have_arrived() {
            recipient.note_arrival(send.message.sender(), seq);
        }
        // The sender need not wait for the other branches.
        if send.is_reported() && !was_reported {
            send.report(seq, out);
        }
        let next = send.next_step(seq, &recipient.order);
        self.proceed(now, out, seq, next);
        self.wake(to);
    }

    fn proceed(&mut self, now: Instant, out: &mut impl Environment<P>, seq: u64, next: NextStep) {
        match next {
            NextStep::Wait => {}
            NextStep::Requeue => self.requeue(now, seq),
            NextStep::Finish => self.finish(out, seq),
        }
    }

    /// The deadline of a send has passed, if it has not ended.
    pub(super) fn expire(&mut self, out: &mut impl Environment<P>, seq: u64) {
        let Some(send) = self.sends.get_mut(seq) else { return };
        let to = send.to;
        send.give_up(self.recipients[to].backing_off);
        self.finish(out, seq);
        // Others may have waited for this one to land.
        self.wake(to);
    }

    /// Ends custody of a send.
    pub(super) fn finish(&mut self, out: &mut impl Environment<P>, seq: u64) {
        let Some(send) = self.sends.remove(seq) else { return };
        self.pending_bytes -= send.message.bytes();
        if self.sends.is_empty() {
            self.timers.clear_deadlines();
        }
        let recipient = &mut self.recipients[send.to];
        recipient.pending -= 1;
        recipient.order.close(seq);
        if send.is_queued() {
            recipient.leave_queue(seq);
        }
        if !send.is_reported() {
            send.report(seq, out);
        }
        out.recycle(send.message);
    }

    pub(super) fn forget_route_of(&mut self, seq: u64) {
        if let Some(send) = self.sends.get(seq) {
            self.recipients[send.to].forget_route();
        }
    }

    /// The open branches of the sends `seqs` that `fit`, in the order of their sends.
    pub(super) fn open_branches(
        &self,
        seqs: RangeInclusive<u64>,
        fit: impl Fn(&Branch) -> bool,
    ) -> Vec<(u64, Target)> {
        self.sends
            .range(seqs)
            .flat_map(|(seq, send)| send.branches.iter().map(move |branch| (seq, branch)))
            .filter(|(_, branch)| fit(branch))
            .map(|(seq, branch)| (seq, branch.target()))
            .collect()
    }
}
