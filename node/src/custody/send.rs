use std::time::Instant;

use smallvec::SmallVec;
use trunkline_protocol::{Incarnation, Outcome, User, lane::Verdict};

use super::{Ended, Outside, Party};

/// How a branch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A session's socket took every byte.
    Taken,
    /// It may have arrived.
    Maybe,
    /// A queue on the way was full.
    Full,
    /// The node could not be reached; nothing was handed over.
    NotReached,
    /// The user has no session there.
    NotHere,
}

impl From<Verdict> for Fate {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Taken => Self::Taken,
            Verdict::Full => Self::Full,
            Verdict::NotHere => Self::NotHere,
            Verdict::Maybe => Self::Maybe,
        }
    }
}

/// How the branches of a send have ended so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fates {
    taken: bool,
    maybe: bool,
    full: bool,
    not_reached: bool,
    not_here: bool,
    missed: u32,
}

impl Fates {
    pub(super) fn add(&mut self, fate: Fate, missed: u32) {
        match fate {
            Fate::Taken => self.taken = true,
            Fate::Maybe => self.maybe = true,
            Fate::Full => self.full = true,
            Fate::NotReached => self.not_reached = true,
            Fate::NotHere => self.not_here = true,
        }
        let lost = matches!(fate, Fate::Full | Fate::NotReached | Fate::Maybe);
        self.missed += missed + u32::from(lost);
    }

    /// Forgets what a further try may change.
    pub(super) fn clear_misses(&mut self) {
        (self.not_reached, self.not_here) = (false, false);
        if !self.are_final() {
            self.missed = 0;
        }
    }

    /// Whether a further try could hand the message over twice, or would only meet a full queue.
    pub(super) fn are_final(&self) -> bool {
        self.taken || self.maybe || self.full
    }

    /// The outcome that the branches' fates join to.
    fn outcome(&self) -> Outcome {
        if self.taken {
            Outcome::Delivered
        } else if self.maybe {
            Outcome::Unconfirmed
        } else if self.full {
            Outcome::Busy
        } else if self.not_reached {
            Outcome::Unreachable
        } else {
            Outcome::Offline
        }
    }
}

/// One message on its way to one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    pub(super) party: Party,
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

/// A send in custody.
#[derive(Debug)]
pub(super) struct Send<L> {
    pub(super) letter: L,
    pub(super) to: User,
    pub(super) deadline: Instant,
    /// The branches that have not ended.
    pub(super) branches: SmallVec<[Branch; 1]>,
    pub(super) fates: Fates,
    /// This node's own sessions got it, or had no room.
    pub(super) tried_here: bool,
    /// It waits in its recipient's queue.
    pub(super) queued: bool,
    /// A later send of the same session has arrived: this one would come out of order.
    pub(super) overtaken: bool,
    /// It was dispatched before, and nobody took it.
    pub(super) tried: bool,
    told: bool,
}

impl<L> Send<L> {
    pub(super) fn new(letter: L, to: User, deadline: Instant) -> Self {
        Self {
            letter,
            to,
            deadline,
            branches: SmallVec::new(),
            fates: Fates::default(),
            tried_here: false,
            queued: false,
            overtaken: false,
            tried: false,
            told: false,
        }
    }

    pub(super) fn is_in_batch(&self, node: Incarnation, number: u32) -> bool {
        self.branches.iter().any(|branch| {
            let Place::InBatch { batch, .. } = branch.place else { return false };
            branch.party == Party::Node(node) && batch == number
        })
    }

    /// Ends the branch at `party`; `false` if there is none that is open.
    pub(super) fn end_branch(&mut self, party: Party, fate: Fate, missed: u32) -> bool {
        let Some(at) = self.branches.iter().position(|branch| branch.party == party) else {
            return false;
        };
        self.branches.swap_remove(at);
        self.fates.add(fate, missed);
        if party == Party::Here && fate == Fate::NotHere {
            self.tried_here = false;
        }
        true
    }

    /// Ends whatever is open, because time is up. Returns how many branches to other nodes were.
    pub(super) fn give_up(&mut self) -> u32 {
        let remote = self.branches.iter().filter(|branch| branch.party != Party::Here).count();
        for _ in self.branches.drain(..) {
            self.fates.add(Fate::Maybe, 0);
        }
        if self.queued && !self.fates.not_here {
            self.fates.add(Fate::NotReached, 0);
        }
        remote as u32
    }

    /// Tells that it is delivered, as soon as one branch is taken.
    pub(super) fn tell_delivered(&mut self, seq: u64, out: &mut impl Outside<L>) {
        if self.fates.taken {
            self.tell(seq, out);
        }
    }

    /// Tells the outcome, unless it was told.
    pub(super) fn tell(&mut self, seq: u64, out: &mut impl Outside<L>) {
        if !self.told {
            self.told = true;
            let (outcome, letter) = (self.fates.outcome(), &self.letter);
            // Only what others did get can be missed.
            let missed = if outcome == Outcome::Delivered { self.fates.missed } else { 0 };
            out.tell(Ended { seq, letter, outcome, missed });
        }
    }
}
