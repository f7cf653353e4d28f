use std::{ops::RangeInclusive, time::Instant};

use super::{
    Custody, Deadline, Environment, Letter, Target,
    recipient::Route,
    send::{Branch, BranchResult, Next, PendingSend},
};
use crate::defaults::TICK;

/// What happens to one send.
impl<L: Letter> Custody<L> {
    /// Finds the recipient of a send of so many bytes; `None` if there is no room for it.
    pub(super) fn admit(&mut self, now: Instant, to: &str, bytes: usize) -> Option<usize> {
        let limits = &self.limits;
        if self.sends.len() >= limits.pending_max
            || self.pending_bytes + bytes > limits.pending_bytes_max
        {
            return None;
        }
        self.recipients.find(to).or_else(|| {
            let room = self.recipients.len() < limits.recipients_max;
            room.then(|| self.recipients.add(now, to))
        })
    }

    pub(super) fn set_deadline(&mut self, now: Instant, seq: u64) {
        let due = now + self.limits.deadline;
        match self.deadlines.back_mut() {
            Some(last) if due < last.due + TICK => last.last = seq,
            _ => self.deadlines.push_back(Deadline { due, first: seq, last: seq }),
        }
    }

    /// SimulatedNode sends to everyone that the route of their recipient names.
    pub(super) fn dispatch(
        &mut self,
        now: Instant,
        out: &mut impl Environment<L>,
        to: usize,
        seqs: impl IntoIterator<Item = u64>,
    ) {
        let mut ghost = false;
        for seq in seqs {
            let (next, in_vain) = self.hand_over(out, seq);
            ghost |= in_vain;
            self.go_on(now, out, seq, next);
        }
        if ghost {
            self.recipients[to].forget_route();
        }
        self.resume(now, out, to);
    }

    /// Returns what comes next, and whether the route names this node in vain.
    pub(super) fn hand_over(&mut self, out: &mut impl Environment<L>, seq: u64) -> (Next, bool) {
        let Some(send) = self.sends.get_mut(seq) else { return (Next::Wait, false) };
        let recipient = &mut self.recipients[send.to];
        send.queued = false;
        if send.retried && recipient.order.is_overtaken(send.message.sender(), seq) {
            return (send.next(seq, &recipient.order), false);
        }
        send.begin_try();
        send.deliver_here(seq, &recipient.user, out);
        let nobody_here = send.branches.is_empty() && !send.is_final();
        let mut ghost = false;
        if let Route::Known { nodes, .. } = &recipient.route {
            for &node in nodes {
                if !out.is_here(node) {
                    send.forward(seq, node, out);
                } else if nobody_here {
                    ghost = true;
                    send.join(BranchResult::NotHere, 0);
                }
            }
        }
        if !send.branches.is_empty() && !send.is_handed() {
            recipient.order.opened(seq);
        }
        (send.next(seq, &recipient.order), ghost)
    }

    pub(super) fn end_branch(
        &mut self,
        now: Instant,
        out: &mut impl Environment<L>,
        seq: u64,
        party: Target,
        fate: BranchResult,
        missed: u32,
    ) {
        let Some(send) = self.sends.get_mut(seq) else { return };
        if !send.end_branch(party, fate, missed) && !send.take_proof(fate, missed) {
            return;
        }
        let to = send.to;
        let recipient = &mut self.recipients[to];
        if fate.is_handed() {
            recipient.handed(send.message.sender(), seq);
        }
        if fate == BranchResult::Taken {
            send.tell(seq, out);
        }
        let next = send.next(seq, &recipient.order);
        self.go_on(now, out, seq, next);
        self.resume(now, out, to);
    }

    fn go_on(&mut self, now: Instant, out: &mut impl Environment<L>, seq: u64, next: Next) {
        match next {
            Next::Wait => {}
            Next::Retry => self.queue_again(now, seq),
            Next::End => self.end(out, seq),
        }
    }

    /// Time is up for a send, if it has not ended.
    pub(super) fn expire(&mut self, now: Instant, out: &mut impl Environment<L>, seq: u64) {
        let Some(send) = self.sends.get_mut(seq) else { return };
        let to = send.to;
        send.give_up(self.recipients[to].retry_scheduled);
        self.end(out, seq);
        self.resume(now, out, to);
    }

    pub(super) fn end(&mut self, out: &mut impl Environment<L>, seq: u64) {
        let Some(mut send) = self.sends.remove(seq) else { return };
        self.pending_bytes -= send.message.bytes();
        if self.sends.is_empty() {
            self.deadlines.clear();
        }
        let recipient = &mut self.recipients[send.to];
        recipient.pending -= 1;
        recipient.order.closed(seq);
        if send.queued {
            recipient.unqueue(seq);
        }
        send.tell(seq, out);
        out.recycle(send.message);
    }

    pub(super) fn forget_route_of(&mut self, seq: u64) {
        if let Some(send) = self.sends.get(seq) {
            self.recipients[send.to].forget_route();
        }
    }

    /// The numbers of the sends in `seqs` that `fit`, in order.
    pub(super) fn numbers_in(
        &self,
        seqs: RangeInclusive<u64>,
        fit: impl Fn(&PendingSend<L>) -> bool,
    ) -> Vec<u64> {
        self.sends.range(seqs).filter(|(_, send)| fit(send)).map(|(seq, _)| seq).collect()
    }

    /// The open branches that `fit`, in the order of their sends.
    pub(super) fn branches(&self, fit: impl Fn(&Branch) -> bool) -> Vec<(u64, Target)> {
        self.sends
            .iter()
            .flat_map(|(seq, send)| send.branches.iter().map(move |branch| (seq, branch)))
            .filter(|(_, branch)| fit(branch))
            .map(|(seq, branch)| (seq, branch.party))
            .collect()
    }
}
