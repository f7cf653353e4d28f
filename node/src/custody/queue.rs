use std::time::Instant;

use super::{
    Custody,
    branch::BranchResult,
    environment::{Environment, Payload},
    recipient::{QueueStep, RouteState},
    send::{NextStep, SendState},
};
use crate::defaults::RETRY;

/// What happens to the sends that wait for one recipient.
impl<P: Payload> Custody<P> {
    /// Has [`Self::run`] look at a recipient's queue.
    pub(super) fn wake(&mut self, to: usize) {
        // Almost always nothing is queued.
        if !self.recipients[to].queue.is_empty() {
            self.woken.push(to);
        }
    }

    /// Moves every queue that was woken as far as it gets. Every call into custody ends with this,
    /// so no queue moves while another event is half done.
    ///
    /// This ends: a send comes back to its queue at once the first time only. After that, the queue
    /// backs off.
    pub(super) fn run(&mut self, now: Instant, out: &mut impl Environment<P>) {
        while let Some(to) = self.woken.pop() {
            self.move_queue(now, out, to);
        }
    }

    /// Kept out of line: usually no queue was woken, and the check in [`Self::run`] is then all that
    /// a message pays for it.
    #[cold]
    fn move_queue(&mut self, now: Instant, out: &mut impl Environment<P>, to: usize) {
        let recipient = &mut self.recipients[to];
        match recipient.next_step(now, self.limits.route_ttl) {
            QueueStep::Wait => {}
            QueueStep::LookUp => {
                recipient.route = RouteState::Asked { at: now, last: self.last_seq };
                out.look_up(&recipient.user);
            }
            QueueStep::Dispatch => {
                let queue = std::mem::take(&mut recipient.queue);
                self.dispatch(now, out, to, queue);
            }
        }
    }

    /// Gives what waits to this node's own sessions, which need no route.
    pub(super) fn offer_queue_here(&mut self, out: &mut impl Environment<P>, to: usize) {
        let (sends, recipient) = (&mut self.sends, &mut self.recipients[to]);
        let state = |seq| sends.get(seq).map(|send| send.state);
        // Retries come first in the queue, and a session here may not get later sends before them.
        let first = recipient.queue.front().and_then(|&seq| state(seq));
        if first == Some(SendState::AwaitingRetry) {
            return;
        }
        let untried = recipient.queue.partition_point(|&seq| state(seq) != Some(SendState::Queued));
        // From the first that found nobody: a session may have logged in here since, and has to get
        // that one before those that were sent later.
        for &seq in recipient.queue.range(untried..) {
            let Some(send) = sends.get_mut(seq) else { continue };
            if !send.offer_here(seq, &recipient.user, out) {
                return;
            }
            send.state = SendState::OfferedHere;
            // An earlier send is still on its way to another node. If that fails, it may not be
            // tried again: the session here has seen this one.
            if recipient.order.first_open().is_some() && !send.branches.is_empty() {
                recipient.order.mark_ahead(send.message.sender(), seq);
            }
        }
    }

    /// Puts a send back in the queue, because surely nobody received it.
    pub(super) fn requeue(&mut self, now: Instant, seq: u64) {
        let Some(send) = self.sends.get_mut(seq) else { return };
        let to = send.to;
        let recipient = &mut self.recipients[to];
        // The first time, the route was probably just old: the directory knows better already, and
        // is asked at once. The second time it may be behind itself.
        let route_failed = send.result == Some(BranchResult::NotHere)
            || !matches!(recipient.route, RouteState::Known { .. });
        let at_once = send.state == SendState::InFlight && route_failed;
        send.state = SendState::AwaitingRetry;
        recipient.order.close(seq);
        recipient.rejoin_queue(seq);
        if !at_once {
            self.back_off(now, to);
        }
    }

    /// The directory knew no session when it was asked, after send number `last`.
    pub(super) fn end_missed(&mut self, out: &mut impl Environment<P>, to: usize, last: u64) {
        let recipient = &mut self.recipients[to];
        // Whether the first was overtaken is not known yet. The directory is asked again when it
        // is.
        if recipient.awaits_later_sends() {
            return;
        }
        // The user may have logged in after the question: it says nothing about later sends.
        let count = recipient.queue.partition_point(|&seq| seq <= last);
        let rest = recipient.queue.split_off(count);
        for &seq in &rest {
            // A session here may take it before one of those that now leave the queue fails.
            if let Some(send) = self.sends.get(seq).filter(|send| !send.branches.is_empty()) {
                recipient.order.mark_ahead(send.message.sender(), seq);
            }
        }
        for seq in std::mem::replace(&mut recipient.queue, rest) {
            // The route is unknown now, so this reaches the sessions that have logged in here.
            let (next, _) = self.hand_over(out, seq);
            if next != NextStep::Wait {
                self.finish(out, seq);
            }
        }
    }

    /// The directory could not answer, or its answer proves nothing.
    pub(super) fn end_unanswered(&mut self, now: Instant, to: usize) {
        for &seq in &self.recipients[to].queue {
            if let Some(send) = self.sends.get_mut(seq) {
                // An earlier `NotHere` is no longer the last word.
                send.result = send.result.max(Some(BranchResult::NotReached));
            }
        }
        self.back_off(now, to);
    }

    fn back_off(&mut self, now: Instant, to: usize) {
        if !std::mem::replace(&mut self.recipients[to].backing_off, true) {
            self.timers.schedule_retry(now + RETRY, to);
        }
    }

    pub(super) fn end_back_off(&mut self, to: usize) {
        self.recipients[to].backing_off = false;
        self.wake(to);
    }
}
