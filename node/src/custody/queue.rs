use std::time::Instant;

use super::{
    Custody, Environment, Letter,
    recipient::Route,
    send::{BranchResult, Next},
};
use crate::defaults::RETRY;

/// What happens to the sends that wait for one recipient.
impl<L: Letter> Custody<L> {
    /// Lets a new send wait. This node's own sessions get it at once.
    pub(super) fn enqueue(
        &mut self,
        now: Instant,
        out: &mut impl Environment<L>,
        to: usize,
        seq: u64,
    ) {
        if let Some(send) = self.sends.get_mut(seq) {
            send.queued = true;
        }
        self.recipients[to].enqueue(seq);
        self.try_here(out, to);
        self.resume(now, out, to);
    }

    /// Gives what waits to this node's own sessions, which need no route. Behind a send that is to
    /// be tried again, everything waits for that.
    fn try_here(&mut self, out: &mut impl Environment<L>, to: usize) {
        let recipient = &mut self.recipients[to];
        let (Some(first), Some(from)) = (recipient.queue.front(), recipient.here_waits) else {
            return;
        };
        if self.sends.get(*first).is_some_and(|send| send.retried) {
            return;
        }
        let from = recipient.queue.partition_point(|&seq| seq < from);
        for &seq in recipient.queue.range(from..) {
            let Some(send) = self.sends.get_mut(seq) else { continue };
            if !send.deliver_here(seq, &recipient.user, out) {
                recipient.here_waits = Some(seq);
                return;
            }
            if recipient.order.first_open().is_some() && !send.branches.is_empty() {
                recipient.order.went_ahead(send.message.sender(), seq);
            }
        }
        recipient.here_waits = None;
    }

    /// Puts a send back, because surely nobody got it. The first time, the route was probably just
    /// old, and the directory is asked at once.
    pub(super) fn queue_again(&mut self, now: Instant, seq: u64) {
        let Some(send) = self.sends.get_mut(seq) else { return };
        let to = send.to;
        let recipient = &mut self.recipients[to];
        let route_failed = send.fate == Some(BranchResult::NotHere)
            || !matches!(recipient.route, Route::Known { .. });
        let at_once = !send.retried && route_failed;
        send.begin_wait();
        recipient.order.closed(seq);
        recipient.queue_again(seq);
        if !at_once {
            self.retry_later(now, to);
        }
    }

    /// Does what the queue of a recipient waits for, if it is its turn: asks the directory, or hands
    /// over everything.
    pub(super) fn resume(&mut self, now: Instant, out: &mut impl Environment<L>, to: usize) {
        let recipient = &mut self.recipients[to];
        if recipient.queue.is_empty()
            || recipient.is_asked()
            || recipient.retry_scheduled
            || recipient.is_held_up()
        {
            return;
        }
        if recipient.has_route(now, self.limits.route_life) {
            let queue = std::mem::take(&mut recipient.queue);
            self.dispatch(now, out, to, queue);
        } else {
            recipient.route = Route::Asked { at: now, last: self.last_seq };
            out.look_up(&recipient.user);
        }
    }

    /// The directory knew no session when it was asked, after send number `last`: what had waited
    /// by then ends, but for what this node's own sessions get. If it is not the queue's turn, the
    /// directory is asked again when it is.
    pub(super) fn end_missed(&mut self, out: &mut impl Environment<L>, to: usize, last: u64) {
        let recipient = &mut self.recipients[to];
        if recipient.is_held_up() {
            return;
        }
        let count = recipient.queue.partition_point(|&seq| seq <= last);
        let rest = recipient.queue.split_off(count);
        for &seq in &rest {
            // A session here may get it before one of those that now leave the queue fails.
            if let Some(send) = self.sends.get(seq).filter(|send| !send.branches.is_empty()) {
                recipient.order.went_ahead(send.message.sender(), seq);
            }
        }
        for seq in std::mem::replace(&mut recipient.queue, rest) {
            let (next, _) = self.hand_over(out, seq);
            if next != Next::Wait {
                self.end(out, seq);
            }
        }
    }

    /// The directory cannot tell where a recipient is.
    pub(super) fn ask_later(&mut self, now: Instant, to: usize) {
        for seq in &self.recipients[to].queue {
            if let Some(send) = self.sends.get_mut(*seq) {
                send.fate = send.fate.max(Some(BranchResult::NotReached));
            }
        }
        self.retry_later(now, to);
    }

    fn retry_later(&mut self, now: Instant, to: usize) {
        let recipient = &mut self.recipients[to];
        if !std::mem::replace(&mut recipient.retry_scheduled, true) {
            self.retries.push_back((now + RETRY, to));
        }
    }

    pub(super) fn try_again(&mut self, now: Instant, out: &mut impl Environment<L>, to: usize) {
        self.recipients[to].retry_scheduled = false;
        self.resume(now, out, to);
    }
}
