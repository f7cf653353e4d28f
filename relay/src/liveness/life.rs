//! What is known of one incarnation of a node, and what follows from it.

use std::time::{Duration, Instant};

use trunkline_link::defaults::SILENCE;
use trunkline_protocol::{Name, control::MemberState, status::PurgeStatus};

use super::LinkId;
use crate::defaults::GRACE;

/// One incarnation of a node.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) node: Name,
    pub(super) tie: Tie,
    /// It had a link to this relay at some time.
    pub(super) joined: bool,
    pub(super) draining: bool,
    /// Its last sign of life; before the first one, when this relay first saw it.
    pub(super) last_sign: Instant,
    pub(super) lease: LeaseSeen,
    /// It stands in the directory's list of incarnations.
    pub(super) listed: bool,
    /// Its own process is in another incarnation, if so since when and on which link.
    pub(super) renounced: Option<(Instant, LinkId)>,
    pub(super) round: Option<Round>,
    pub(super) stage: Stage,
    /// The state that was told last.
    pub(super) told: Option<MemberState>,
}

/// Whether it has a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// It never had one, since this relay first saw it.
    Never {
        since: Instant,
    },
    Up(LinkId),
    Lost {
        since: Instant,
    },
}

/// Its lease, when it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeaseSeen {
    Unknown,
    /// It had the lease, and had renewed it then.
    Held {
        renewed: Instant,
        at: Instant,
    },
    /// It had not: nobody or another incarnation did.
    Free {
        at: Instant,
    },
}

/// A round of probes, begun by a kernel's refusal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) since: Instant,
    pub(super) refusals: u8,
    pub(super) probes: u8,
    pub(super) probed: Instant,
}

/// How far the judgement of it has come.
#[derive(Debug)]
pub(super) enum Stage {
    Watched,
    Judged(Verdict),
    Dead(Clearing),
    Left { since: Instant },
}

/// A verdict that is not carried out yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) at: Instant,
    pub(super) grounds: Grounds,
    pub(super) work: Work,
    /// Removing the lease was tried and failed, and may still have taken effect.
    pub(super) tried: bool,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grounds {
    /// The link is silent or gone, and the lease has lapsed.
    Lapse,
    /// The kernel refuses, and probes go unanswered.
    Refusals,
    /// It has left, and its entries are still there.
    Leavings,
}

/// Something that Redis is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Due { from: Instant },
    Running,
    Done { at: Instant },
}

/// The clean-up after a dead incarnation.
#[derive(Debug)]
pub(super) struct Clearing {
    /// It had left by its own will.
    pub(super) left: bool,
    /// From the last sign of life to the verdict.
    pub(super) verdict: Duration,
    /// How long its commands may still take effect, from the verdict on.
    pub(super) settle: Duration,
    pub(super) work: Work,
    /// What the purges that were interrupted have removed.
    pub(super) removed_before: u64,
    /// What the last one came to so far.
    pub(super) now: Cleared,
    /// When the last entry was removed; before the first one, when the verdict was carried out.
    pub(super) removed_at: Instant,
}

/// Users whose entries a purge has seen to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cleared {
    /// Removed.
    pub(crate) removed: u64,
    /// Left alone: another incarnation has them.
    pub(crate) kept: u64,
}

impl Life {
    pub(super) fn new(node: Name, now: Instant) -> Self {
        Self {
            node,
            tie: Tie::Never { since: now },
            joined: false,
            draining: false,
            last_sign: now,
            lease: LeaseSeen::Unknown,
            listed: false,
            renounced: None,
            round: None,
            stage: Stage::Watched,
            told: None,
        }
    }

    pub(super) fn link(&self) -> Option<LinkId> {
        match self.tie {
            Tie::Up(link) => Some(link),
            Tie::Never { .. } | Tie::Lost { .. } => None,
        }
    }

    /// A link that gives signs of life. `awake` is since when the relay itself has been there to
    /// hear them.
    pub(super) fn is_heard(&self, awake: Instant, now: Instant) -> bool {
        self.link().is_some() && now < self.last_sign.max(awake) + SILENCE
    }

    /// Its link has been silent, or gone, for as long as it takes to condemn it.
    pub(super) fn is_absent(&self, awake: Instant, now: Instant) -> bool {
        match self.tie {
            Tie::Up(_) => !self.is_heard(awake, now),
            Tie::Never { since } | Tie::Lost { since } => now >= since.max(awake) + GRACE,
        }
    }

    /// Whether anything is still to be judged, so that its lease matters.
    pub(super) fn is_open(&self) -> bool {
        match self.stage {
            Stage::Watched | Stage::Judged(_) => true,
            Stage::Left { .. } => self.listed,
            Stage::Dead(_) => false,
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        matches!(self.stage, Stage::Dead(_))
    }

    /// Since when nothing is to be done about it any more.
    pub(super) fn over_since(&self) -> Option<Instant> {
        match self.stage {
            Stage::Dead(Clearing { work: Work::Done { at }, .. }) => Some(at),
            Stage::Left { since } => Some(since),
            Stage::Watched | Stage::Judged(_) | Stage::Dead(_) => None,
        }
    }

    pub(super) fn state(&self, awake: Instant, now: Instant) -> MemberState {
        match (&self.stage, self.tie) {
            (Stage::Left { .. }, _) | (Stage::Dead(Clearing { left: true, .. }), _) => {
                MemberState::Left
            }
            (Stage::Dead(_), _) => MemberState::Dead,
            (Stage::Judged(verdict), _) if verdict.grounds == Grounds::Leavings => {
                MemberState::Left
            }
            (Stage::Judged(_), _) | (Stage::Watched, Tie::Lost { .. }) => MemberState::Suspect,
            (Stage::Watched, Tie::Up(_)) if !self.is_heard(awake, now) => MemberState::Suspect,
            (Stage::Watched, Tie::Up(_)) if self.draining => MemberState::Draining,
            (Stage::Watched, Tie::Up(_)) => MemberState::Live,
            (Stage::Watched, Tie::Never { .. }) => match self.lease {
                LeaseSeen::Free { .. } => MemberState::Suspect,
                LeaseSeen::Unknown | LeaseSeen::Held { .. } => MemberState::Joining,
            },
        }
    }

    /// What its clean-up came to, if it was judged dead.
    pub(super) fn purge(&self) -> Option<PurgeStatus> {
        let Stage::Dead(clearing) = &self.stage else { return None };
        Some(PurgeStatus {
            removed: clearing.removed(),
            kept: clearing.now.kept,
            verdict_ms: ms(clearing.verdict),
            done_ms: clearing.is_done().then(|| clearing.done_ms(self.last_sign)),
        })
    }
}

impl LeaseSeen {
    /// When it was looked at.
    pub(super) fn at(self) -> Option<Instant> {
        match self {
            Self::Unknown => None,
            Self::Held { at, .. } | Self::Free { at } => Some(at),
        }
    }
}

impl Clearing {
    fn is_done(&self) -> bool {
        matches!(self.work, Work::Done { .. })
    }

    pub(super) fn removed(&self) -> u64 {
        self.removed_before + self.now.removed
    }

    /// From the last sign of life to the last removal, in milliseconds.
    pub(super) fn done_ms(&self, last_sign: Instant) -> u64 {
        ms(self.removed_at.saturating_duration_since(last_sign))
    }
}

/// Whole milliseconds.
pub(super) fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}
