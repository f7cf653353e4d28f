use smallvec::SmallVec;
use trunkline_protocol::{Incarnation, Outcome, User, lane::ReceiptStatus};

use super::{Ended, Environment, Forwarded, Letter, LocalDelivery, Target, order::Order};

/// How a branch ended. When several have, the greatest decides the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BranchResult {
    /// The user has no session there.
    NotHere,
    /// The node could not be reached; nothing was handed over.
    NotReached,
    /// A queue on the way was full.
    Full,
    /// It may have arrived.
    Maybe,
    /// A session's socket took every byte.
    Taken,
}

impl BranchResult {
    /// Whether a further try could hand the message over twice, or would only meet a full queue.
    pub(super) fn is_final(self) -> bool {
        self >= Self::Full
    }

    /// Whether a session may have got the message.
    pub(super) fn is_handed(self) -> bool {
        self >= Self::Maybe
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::NotHere => Outcome::Offline,
            Self::NotReached => Outcome::Unreachable,
            Self::Full => Outcome::Busy,
            Self::Maybe => Outcome::Unconfirmed,
            Self::Taken => Outcome::Delivered,
        }
    }
}

impl From<ReceiptStatus> for BranchResult {
    fn from(status: ReceiptStatus) -> Self {
        match status {
            ReceiptStatus::Taken => Self::Taken,
            ReceiptStatus::Full => Self::Full,
            ReceiptStatus::NotHere => Self::NotHere,
            ReceiptStatus::Maybe => Self::Maybe,
        }
    }
}

/// One message on its way to one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    pub(super) party: Target,
    pub(super) place: Place,
}

/// How far a branch's message has come, as far as it matters when the link breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a batch of the link that stands.
    InBatch { lane: u8, batch: u32 },
    /// Out of our hands: in a session's buffer, or on a link that has broken since.
    Handed,
}

impl Place {
    /// Whether QUIC had not taken the batch yet, if `handed` names the last that each lane gave it.
    pub(super) fn is_behind(self, handed: &[u32]) -> bool {
        match self {
            // Batch numbers wrap around.
            Self::InBatch { lane, batch } => {
                batch.wrapping_sub(handed[usize::from(lane)]).cast_signed() > 0
            }
            Self::Handed => false,
        }
    }
}

/// What comes next for a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Something of it is under way, or it waits in the queue.
    Wait,
    /// It is put up for another try.
    Retry,
    /// It has come to its outcome.
    End,
}

/// A send in custody.
#[derive(Debug)]
pub(super) struct PendingSend<L> {
    pub(super) message: L,
    /// Its recipient, among [`super::recipient::Recipients`].
    pub(super) to: usize,
    /// The branches that have not ended.
    pub(super) branches: SmallVec<[Branch; 1]>,
    /// What those come to that have.
    pub(super) fate: Option<BranchResult>,
    missed: u32,
    /// It stands in its recipient's queue.
    pub(super) queued: bool,
    /// This node's own sessions have been tried.
    tried_here: bool,
    /// It was dispatched before, and surely nobody got it.
    pub(super) retried: bool,
    told: bool,
}

impl<L> PendingSend<L> {
    pub(super) fn new(message: L, to: usize) -> Self {
        Self {
            message,
            to,
            branches: SmallVec::new(),
            fate: None,
            missed: 0,
            queued: false,
            tried_here: false,
            retried: false,
            told: false,
        }
    }

    /// What comes next for it, which has that number. If it was overtaken, its user may be there,
    /// but it cannot be brought to them in order.
    pub(super) fn next(&mut self, seq: u64, order: &Order) -> Next
    where
        L: Letter,
    {
        if self.queued || !self.branches.is_empty() {
            return Next::Wait;
        }
        if self.is_final() {
            return Next::End;
        }
        if order.is_overtaken(self.message.sender(), seq) {
            self.join(BranchResult::NotReached, 0);
            return Next::End;
        }
        Next::Retry
    }

    pub(super) fn is_final(&self) -> bool {
        self.fate.is_some_and(BranchResult::is_final)
    }

    pub(super) fn is_handed(&self) -> bool {
        self.fate.is_some_and(BranchResult::is_handed)
    }

    pub(super) fn is_in_batch(&self, node: Incarnation, number: u32) -> bool {
        self.branches.iter().any(|branch| {
            let Place::InBatch { batch, .. } = branch.place else { return false };
            branch.party == Target::Node(node) && batch == number
        })
    }

    /// Leaves the queue, and forgets what the try that now comes may change.
    pub(super) fn begin_try(&mut self) {
        self.queued = false;
        if !self.is_final() {
            (self.fate, self.missed) = (None, 0);
        }
    }

    /// Goes back to the queue, because surely nobody got it.
    pub(super) fn begin_wait(&mut self) {
        (self.queued, self.tried_here, self.retried) = (true, false, true);
    }

    /// Gives it to this node's own sessions, if they have not been tried. Returns whether they have
    /// now.
    pub(super) fn deliver_here(
        &mut self,
        seq: u64,
        to: &User,
        out: &mut impl Environment<L>,
    ) -> bool {
        if !self.tried_here {
            match out.deliver_here(seq, to, &self.message) {
                LocalDelivery::Nobody => return false,
                LocalDelivery::Full => self.join(BranchResult::Full, 0),
                LocalDelivery::Waiting => {
                    self.branches
                        .push(Branch { party: Target::LocalDelivery, place: Place::Handed });
                }
            }
            self.tried_here = true;
        }
        true
    }

    /// SimulatedNode it to another node.
    pub(super) fn forward(&mut self, seq: u64, node: Incarnation, out: &mut impl Environment<L>) {
        match out.forward(node, seq, &self.message) {
            Forwarded::InBatch { lane, batch } => {
                let place = Place::InBatch { lane, batch };
                self.branches.push(Branch { party: Target::Node(node), place });
            }
            Forwarded::Full => self.join(BranchResult::Full, 0),
            Forwarded::NoLink => self.join(BranchResult::NotReached, 0),
        }
    }

    /// A branch has ended, with so many sessions that did not get what others did.
    pub(super) fn join(&mut self, fate: BranchResult, missed: u32) {
        self.fate = self.fate.max(Some(fate));
        self.missed += match fate {
            BranchResult::Taken | BranchResult::NotHere => missed,
            BranchResult::Full | BranchResult::NotReached | BranchResult::Maybe => missed.max(1),
        };
    }

    /// Ends the branch at `party`; `false` if there is none that is open.
    pub(super) fn end_branch(&mut self, party: Target, fate: BranchResult, missed: u32) -> bool {
        let Some(at) = self.branches.iter().position(|branch| branch.party == party) else {
            return false;
        };
        self.branches.swap_remove(at);
        self.join(fate, missed);
        true
    }

    /// A receipt has come from where no branch is open: its node was given up too early, or has
    /// changed its name. Returns whether it proves that a session took the message.
    pub(super) fn take_proof(&mut self, fate: BranchResult, missed: u32) -> bool {
        let proven = fate == BranchResult::Taken && !self.queued;
        if proven {
            self.join(fate, missed);
        }
        proven
    }

    /// Time is up: what is open may have arrived. What waits was not reached, unless it does so
    /// `between_tries`, and it is known what came of the last one.
    pub(super) fn give_up(&mut self, between_tries: bool) {
        if !self.branches.is_empty() {
            self.join(BranchResult::Maybe, 0);
        }
        if self.queued && !(self.retried && between_tries) {
            self.join(BranchResult::NotReached, 0);
        }
    }

    /// Tells the outcome, unless it was told.
    pub(super) fn tell(&mut self, seq: u64, out: &mut impl Environment<L>) {
        if !std::mem::replace(&mut self.told, true) {
            let outcome = self.fate.map_or(Outcome::Offline, BranchResult::outcome);
            // Only what others did get can be missed.
            let missed = if outcome == Outcome::Delivered { self.missed } else { 0 };
            out.tell(Ended { seq, message: &self.message, outcome, missed });
        }
    }
}
