use smallvec::SmallVec;
use trunkline_protocol::{Incarnation, Outcome, User};

use super::{
    branch::{Branch, BranchResult, Target},
    environment::{Environment, Forwarded, LocalDelivery, OutcomeReport, Payload},
    order::DeliveryOrder,
};

/// How far a send has come. The diagram is in the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendState {
    /// In its recipient's queue; nobody has been tried.
    Queued,
    /// In the queue, never dispatched, but this node's own sessions have it or were full.
    OfferedHere,
    /// Dispatched for the first time: in flight to every target of the route.
    InFlight,
    /// In the queue again: surely nobody received it.
    AwaitingRetry,
    /// Dispatched again.
    Retrying,
}

/// What happens next to a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// Nothing: a branch is open, or it is in the queue.
    Wait,
    /// It goes back to the queue.
    Requeue,
    /// It has its outcome.
    Finish,
}

/// A send in custody.
#[derive(Debug)]
pub(super) struct PendingSend<P> {
    pub(super) message: P,
    /// Its recipient, among [`super::recipient::Recipients`].
    pub(super) to: usize,
    /// The branches that are open. Nearly all sends have one.
    pub(super) branches: SmallVec<[Branch; 1]>,
    /// The greatest result among the branches that have ended.
    pub(super) result: Option<BranchResult>,
    pub(super) state: SendState,
    missed: u32,
}

impl<P> PendingSend<P> {
    pub(super) fn new(message: P, to: usize) -> Self {
        Self {
            message,
            to,
            branches: SmallVec::new(),
            result: None,
            state: SendState::Queued,
            missed: 0,
        }
    }

    pub(super) fn is_queued(&self) -> bool {
        match self.state {
            SendState::Queued | SendState::OfferedHere | SendState::AwaitingRetry => true,
            SendState::InFlight | SendState::Retrying => false,
        }
    }

    pub(super) fn is_retry(&self) -> bool {
        matches!(self.state, SendState::AwaitingRetry | SendState::Retrying)
    }

    pub(super) fn may_have_arrived(&self) -> bool {
        self.result.is_some_and(BranchResult::may_have_arrived)
    }

    /// Whether the outcome has been reported while branches are open: `delivered` is, as soon as
    /// one branch is taken, and nothing else is.
    pub(super) fn is_reported(&self) -> bool {
        self.result == Some(BranchResult::Taken)
    }

    fn is_final(&self) -> bool {
        self.result.is_some_and(BranchResult::is_final)
    }

    /// Decides what happens next to send number `seq`.
    pub(super) fn next_step(&mut self, seq: u64, order: &DeliveryOrder) -> NextStep
    where
        P: Payload,
    {
        if self.is_queued() || !self.branches.is_empty() {
            return NextStep::Wait;
        }
        if self.is_final() {
            return NextStep::Finish;
        }
        // A later message of this sender may have arrived. The user may be online, so this is not
        // `offline`; but no further try could deliver it in order.
        if order.is_overtaken(self.message.sender(), seq) {
            self.join(BranchResult::NotReached, 0);
            return NextStep::Finish;
        }
        NextStep::Requeue
    }

    /// Leaves the queue. Returns whether this node's own sessions have yet to be tried.
    pub(super) fn begin_dispatch(&mut self) -> bool {
        let offer_here = self.state != SendState::OfferedHere;
        self.state = match self.state {
            SendState::Queued | SendState::OfferedHere => SendState::InFlight,
            _ => SendState::Retrying,
        };
        // This try replaces what the last one found, unless it found a result that stays.
        if !self.is_final() {
            (self.result, self.missed) = (None, 0);
        }
        offer_here
    }

    /// Offers it to this node's own sessions. Returns whether there are any.
    pub(super) fn offer_here(
        &mut self,
        seq: u64,
        user: &User,
        out: &mut impl Environment<P>,
    ) -> bool {
        match out.deliver_here(seq, user, &self.message) {
            LocalDelivery::Nobody => return false,
            LocalDelivery::Full => self.join(BranchResult::Full, 0),
            LocalDelivery::Waiting => self.branches.push(Branch::Local),
        }
        true
    }

    /// Whether this node's own sessions have it, or were full.
    pub(super) fn is_held_here(&self) -> bool {
        !self.branches.is_empty() || self.is_final()
    }

    /// Forwards it to another node.
    pub(super) fn forward(&mut self, seq: u64, node: Incarnation, out: &mut impl Environment<P>) {
        match out.forward(node, seq, &self.message) {
            Forwarded::InBatch { link, lane, batch } => {
                self.branches.push(Branch::Remote { node, link, lane, batch });
            }
            Forwarded::Full => self.join(BranchResult::Full, 0),
            Forwarded::NoLink => self.join(BranchResult::NotReached, 0),
        }
    }

    /// A branch has ended. `missed` sessions there did not get what others did.
    pub(super) fn join(&mut self, result: BranchResult, missed: u32) {
        self.result = self.result.max(Some(result));
        self.missed += match result {
            BranchResult::Taken | BranchResult::NotHere => missed,
            BranchResult::Full | BranchResult::NotReached | BranchResult::Maybe => missed.max(1),
        };
    }

    /// Ends the branch to `target`. Returns whether that changes anything.
    pub(super) fn end_branch(&mut self, target: Target, result: BranchResult, missed: u32) -> bool {
        if let Some(at) = self.branches.iter().position(|branch| branch.goes_to(target)) {
            self.branches.swap_remove(at);
        } else if result != BranchResult::Taken || self.is_queued() {
            // The branch was given up too early, or its node answers as a new incarnation. That a
            // session took the message is proof all the same; anything else could be about a try
            // that has ended long ago. What is in the queue has nothing in flight to be proven.
            return false;
        }
        self.join(result, missed);
        true
    }

    /// The deadline has passed. `backing_off` says that the queue waits for nothing but the time of
    /// its next retry.
    pub(super) fn give_up(&mut self, backing_off: bool) {
        if !self.branches.is_empty() {
            self.join(BranchResult::Maybe, 0);
        }
        match self.state {
            SendState::InFlight | SendState::Retrying => {}
            // The last try has said where the user is not, and nothing has spoken against it.
            SendState::AwaitingRetry if backing_off => {}
            // It waits for the directory, or for later sends to land: nobody knows yet where the
            // user is, so it may not be called `offline`.
            SendState::Queued | SendState::OfferedHere | SendState::AwaitingRetry => {
                self.join(BranchResult::NotReached, 0);
            }
        }
    }

    /// Reports the outcome.
    pub(super) fn report(&self, seq: u64, out: &mut impl Environment<P>) {
        // A send without any branch was a miss: neither the directory nor this node has the user.
        let outcome = self.result.map_or(Outcome::Offline, BranchResult::outcome);
        // Only what others did get can be missed.
        let missed = if outcome == Outcome::Delivered { self.missed } else { 0 };
        out.report(OutcomeReport { seq, message: &self.message, outcome, missed });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_send_adds_56_bytes_to_its_message() {
        // There may be `PENDING_MAX` of them, and each receipt reads one from memory.
        assert_eq!(size_of::<PendingSend<[u64; 10]>>(), 80 + 56);
    }
}
