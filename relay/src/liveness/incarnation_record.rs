//! What is known of one incarnation of a node, and what follows from it.
//!
//! ```text
//!           reason to declare dead         lease revoked             purged
//! Watched ───────────────────────▶ Dying ───────────────▶ Dead ─────────────▶ Dead, done
//!    ▲                               │                      ▲
//!    └── sign of life, or lease held ┘                      │ entries left behind
//!    └── bye ──▶ Left ──────────────────────────────────────┘ (by way of Dying)
//! ```

use std::time::{Duration, Instant};

use trunkline_link::defaults::SILENCE;
use trunkline_protocol::{Name, control::MemberState, status::PurgeStatus};

use super::effect::{LinkId, PurgeProgress};
use crate::defaults::RECONNECT_GRACE;

/// One incarnation of a node.
#[derive(Debug)]
pub(super) struct IncarnationRecord {
    pub(super) node: Name,
    pub(super) link_state: LinkState,
    /// It has had a link to this relay.
    pub(super) joined: bool,
    pub(super) draining: bool,
    /// Its last sign of life; before the first one, when this relay first saw it.
    pub(super) last_sign: Instant,
    pub(super) lease: ObservedLease,
    /// The directory lists it.
    pub(super) listed: bool,
    /// Its process has changed to another incarnation: since when, and on which link.
    pub(super) abandoned: Option<(Instant, LinkId)>,
    pub(super) probe_round: Option<ProbeRound>,
    pub(super) stage: Stage,
    /// The state that was reported last.
    pub(super) reported: Option<MemberState>,
}

/// Whether it has a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// It has had none since this relay first saw it.
    Never {
        since: Instant,
    },
    Linked(LinkId),
    Lost {
        since: Instant,
    },
}

/// Its lease, when it was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObservedLease {
    Unknown,
    /// The incarnation held the lease, and had renewed it at that time.
    Held {
        renewed: Instant,
        at: Instant,
    },
    /// Another incarnation held the lease, or none did.
    Free {
        at: Instant,
    },
}

/// A round of probes, started by a connection-refused signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeRound {
    pub(super) since: Instant,
    pub(super) refusals: u8,
    pub(super) probes: u8,
    pub(super) probed: Instant,
}

/// How far the incarnation is on its way from living to purged.
#[derive(Debug)]
pub(super) enum Stage {
    Watched,
    Dying(PendingDeath),
    Dead(Cleanup),
    Left { since: Instant },
}

/// The decision to declare an incarnation dead, before its lease is revoked.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingDeath {
    pub(super) at: Instant,
    pub(super) reason: DeathReason,
    pub(super) job: JobState,
    /// A revocation was tried and failed, and may still have taken effect.
    pub(super) revoke_tried: bool,
}

/// Why an incarnation is declared dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeathReason {
    /// The link is silent or gone, and the lease has lapsed.
    LeaseLapsed,
    /// The kernel refuses datagrams, and probes are not answered.
    ConnectionRefused,
    /// It has left, and its entries are still there.
    EntriesLeft,
}

/// Something that Redis has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobState {
    Due { from: Instant },
    Running,
    Done { at: Instant },
}

/// The purge of a dead incarnation.
#[derive(Debug)]
pub(super) struct Cleanup {
    /// It had left by itself.
    pub(super) left: bool,
    /// From the last sign of life to the revocation of the lease.
    pub(super) detection: Duration,
    /// How long, from the revocation on, commands that it has sent may still take effect.
    pub(super) late_window: Duration,
    pub(super) job: JobState,
    /// What interrupted purges have removed.
    pub(super) removed_before: u64,
    /// The progress of the current purge.
    pub(super) progress: PurgeProgress,
    /// When the last entry was removed; before the first one, when the lease was revoked.
    pub(super) removed_at: Instant,
}

impl IncarnationRecord {
    pub(super) fn new(node: Name, now: Instant) -> Self {
        Self {
            node,
            link_state: LinkState::Never { since: now },
            joined: false,
            draining: false,
            last_sign: now,
            lease: ObservedLease::Unknown,
            listed: false,
            abandoned: None,
            probe_round: None,
            stage: Stage::Watched,
            reported: None,
        }
    }

    pub(super) fn link(&self) -> Option<LinkId> {
        match self.link_state {
            LinkState::Linked(link) => Some(link),
            LinkState::Never { .. } | LinkState::Lost { .. } => None,
        }
    }

    pub(super) fn lose_link(&mut self, now: Instant) {
        self.link_state = LinkState::Lost { since: now };
        self.probe_round = None;
    }

    /// Whether a link gives signs of life. Silence counts from `listening_since` on, when the relay
    /// itself last came out of a stall.
    pub(super) fn is_heard(&self, listening_since: Instant, now: Instant) -> bool {
        self.link().is_some() && now < self.last_sign.max(listening_since) + SILENCE
    }

    /// Whether its link has been silent, or gone, for long enough to declare it dead.
    pub(super) fn is_absent(&self, listening_since: Instant, now: Instant) -> bool {
        match self.link_state {
            LinkState::Linked(_) => !self.is_heard(listening_since, now),
            LinkState::Never { since } | LinkState::Lost { since } => {
                now >= since.max(listening_since) + RECONNECT_GRACE
            }
        }
    }

    /// Whether a decision about it is still open, so that its lease matters.
    pub(super) fn is_open(&self) -> bool {
        match self.stage {
            Stage::Watched | Stage::Dying(_) => true,
            Stage::Left { .. } => self.listed,
            Stage::Dead(_) => false,
        }
    }

    /// Withdraws a death whose revocation is not running.
    pub(super) fn spare(&mut self) {
        if let Stage::Dying(death) = self.stage
            && death.job != JobState::Running
        {
            self.stage = death.withdrawn();
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        matches!(self.stage, Stage::Dead(_))
    }

    /// Since when there is nothing left to do about it.
    pub(super) fn over_since(&self) -> Option<Instant> {
        match self.stage {
            Stage::Dead(Cleanup { job: JobState::Done { at }, .. }) => Some(at),
            Stage::Left { since } => Some(since),
            Stage::Watched | Stage::Dying(_) | Stage::Dead(_) => None,
        }
    }

    pub(super) fn state(&self, listening_since: Instant, now: Instant) -> MemberState {
        match (&self.stage, self.link_state) {
            (Stage::Left { .. }, _) | (Stage::Dead(Cleanup { left: true, .. }), _) => {
                MemberState::Left
            }
            (Stage::Dead(_), _) => MemberState::Dead,
            (Stage::Dying(death), _) if death.reason == DeathReason::EntriesLeft => {
                MemberState::Left
            }
            (Stage::Dying(_), _) | (Stage::Watched, LinkState::Lost { .. }) => MemberState::Suspect,
            (Stage::Watched, LinkState::Linked(_)) if !self.is_heard(listening_since, now) => {
                MemberState::Suspect
            }
            (Stage::Watched, LinkState::Linked(_)) if self.draining => MemberState::Draining,
            (Stage::Watched, LinkState::Linked(_)) => MemberState::Live,
            (Stage::Watched, LinkState::Never { .. }) => match self.lease {
                ObservedLease::Free { .. } => MemberState::Suspect,
                ObservedLease::Unknown | ObservedLease::Held { .. } => MemberState::Joining,
            },
        }
    }

    /// The progress of its purge, if it was declared dead.
    pub(super) fn purge(&self) -> Option<PurgeStatus> {
        let Stage::Dead(cleanup) = &self.stage else { return None };
        let is_done = matches!(cleanup.job, JobState::Done { .. });
        Some(PurgeStatus {
            removed: cleanup.removed(),
            kept: cleanup.progress.kept,
            verdict_ms: cleanup.detection.as_millis() as u64,
            done_ms: is_done.then(|| cleanup.done_ms(self.last_sign)),
        })
    }
}

impl PendingDeath {
    pub(super) fn new(reason: DeathReason, now: Instant) -> Self {
        Self { at: now, reason, job: JobState::Due { from: now }, revoke_tried: false }
    }

    /// The stage before the decision.
    pub(super) fn withdrawn(self) -> Stage {
        match self.reason {
            DeathReason::LeaseLapsed | DeathReason::ConnectionRefused => Stage::Watched,
            DeathReason::EntriesLeft => Stage::Left { since: self.at },
        }
    }
}

impl ObservedLease {
    /// When it was read.
    pub(super) fn at(self) -> Option<Instant> {
        match self {
            Self::Unknown => None,
            Self::Held { at, .. } | Self::Free { at } => Some(at),
        }
    }
}

impl Cleanup {
    pub(super) fn removed(&self) -> u64 {
        self.removed_before + self.progress.removed
    }

    /// From the last sign of life to the last removal, in milliseconds.
    pub(super) fn done_ms(&self, last_sign: Instant) -> u64 {
        self.removed_at.saturating_duration_since(last_sign).as_millis() as u64
    }
}
