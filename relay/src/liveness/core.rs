//! The state of the core, and what can be asked of it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use trunkline_protocol::{
    Incarnation, Name,
    control::MemberState,
    status::{EventKind, PurgeStatus},
};

use super::{
    effect::{DirectoryFailure, LinkId, LivenessEffect},
    incarnation_record::{IncarnationRecord, LinkState, Stage},
};

/// A node as this relay sees it: its most relevant incarnation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeView {
    pub(crate) incarnation: Incarnation,
    pub(crate) state: MemberState,
    pub(crate) last_sign: Instant,
    pub(crate) link: Option<LinkId>,
    pub(crate) purge: Option<PurgeStatus>,
}

/// Whether Redis answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedisReach {
    Up { since: Instant },
    Away { since: Instant },
}

/// The state of the core.
#[derive(Debug)]
pub(crate) struct Liveness {
    pub(super) incarnations: BTreeMap<Incarnation, IncarnationRecord>,
    /// Admitted links.
    pub(super) links: BTreeMap<LinkId, Incarnation>,
    /// Names that two processes claim, until the holder answers its probe or fails to.
    pub(super) claims: BTreeMap<Name, NameClaim>,
    pub(super) nonce: u64,
    pub(crate) redis: RedisReach,
    pub(super) listing: DirectoryRead,
    pub(super) leases: DirectoryRead,
    /// Since when this relay runs without a stall. Silence counts from then on.
    pub(super) listening_since: Instant,
    pub(super) last_tick: Instant,
    pub(super) effects: Vec<LivenessEffect>,
}

/// A link that claims a name which another link holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameClaim {
    pub(super) link: LinkId,
    pub(super) incarnation: Incarnation,
    pub(super) incumbent: LinkId,
    /// The number of the probe that the incumbent has to answer.
    pub(super) nonce: u64,
    pub(super) until: Instant,
}

/// When something was last read from the directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct DirectoryRead {
    pub(super) asked: Option<Instant>,
    pub(super) is_running: bool,
}

impl DirectoryRead {
    const NEVER: Self = Self { asked: None, is_running: false };

    pub(super) fn is_due(self, every: Duration, now: Instant) -> bool {
        !self.is_running && self.asked.is_none_or(|asked| now >= asked + every)
    }

    pub(super) fn begin(&mut self, now: Instant) {
        *self = Self { asked: Some(now), is_running: true };
    }
}

impl Liveness {
    /// A core that knows no node.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            incarnations: BTreeMap::new(),
            links: BTreeMap::new(),
            claims: BTreeMap::new(),
            nonce: 0,
            redis: RedisReach::Away { since: now },
            listing: DirectoryRead::NEVER,
            leases: DirectoryRead::NEVER,
            listening_since: now,
            last_tick: now,
            effects: Vec::new(),
        }
    }

    /// What is to be done, in order.
    pub(crate) fn take_effects(&mut self) -> Vec<LivenessEffect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether a round of probes is running, which needs a finer clock.
    pub(crate) fn is_probing(&self) -> bool {
        self.incarnations.values().any(|record| record.probe_round.is_some())
    }

    /// Every known node, by name, in its incarnation that has a link, or else the latest one that is
    /// not over, or else the latest.
    pub(crate) fn nodes(&self) -> BTreeMap<&Name, NodeView> {
        let mut latest: BTreeMap<&Name, (u8, Incarnation)> = BTreeMap::new();
        for (&incarnation, record) in &self.incarnations {
            let candidate = (rank(record), incarnation);
            let best = latest.entry(&record.node).or_insert(candidate);
            *best = candidate.max(*best);
        }
        let view = |(name, (_, incarnation))| Some((name, self.view(incarnation)?));
        latest.into_iter().filter_map(view).collect()
    }

    /// Whether the incarnation is known.
    pub(crate) fn knows(&self, incarnation: Incarnation) -> bool {
        self.incarnations.contains_key(&incarnation)
    }

    /// The link of an incarnation, if it has one.
    pub(crate) fn link_of(&self, incarnation: Incarnation) -> Option<LinkId> {
        self.incarnations.get(&incarnation)?.link()
    }

    fn view(&self, incarnation: Incarnation) -> Option<NodeView> {
        let record = self.incarnations.get(&incarnation)?;
        Some(NodeView {
            incarnation,
            state: record.state(self.listening_since, self.last_tick),
            last_sign: record.last_sign,
            link: record.link(),
            purge: record.purge(),
        })
    }

    /// Reports the incarnation's state if it differs from what was reported last.
    pub(super) fn refresh(&mut self, incarnation: Incarnation, now: Instant) {
        let Some(record) = self.incarnations.get_mut(&incarnation) else { return };
        let state = record.state(self.listening_since, now);
        if record.reported.replace(state) == Some(state) {
            return;
        }
        let kind = match state {
            MemberState::Joining => None,
            MemberState::Live | MemberState::Draining
                if !std::mem::replace(&mut record.joined, true) =>
            {
                Some(EventKind::Joined)
            }
            MemberState::Live => Some(EventKind::Recovered),
            MemberState::Draining => Some(EventKind::Draining),
            MemberState::Suspect => {
                (record.joined && record.abandoned.is_none()).then_some(EventKind::Suspect)
            }
            MemberState::Left => Some(EventKind::Left),
            MemberState::Dead => {
                record.purge().map(|purge| EventKind::Dead { verdict_ms: purge.verdict_ms })
            }
        };
        self.effects.push(LivenessEffect::MembersChanged);
        if let Some(kind) = kind {
            self.report(incarnation, kind);
        }
    }

    pub(super) fn report(&mut self, incarnation: Incarnation, kind: EventKind) {
        let node = self.incarnations.get(&incarnation);
        let node = node.map(|record| (record.node.clone(), incarnation));
        self.effects.push(LivenessEffect::Report { node, kind });
    }

    /// Asks a link for a sign of life; returns the number of the probe.
    pub(super) fn probe(&mut self, link: LinkId) -> u64 {
        self.nonce += 1;
        self.effects.push(LivenessEffect::Probe(link, self.nonce));
        self.nonce
    }

    /// Takes note of whether Redis answered.
    pub(super) fn redis_replied(&mut self, failure: Option<DirectoryFailure>, now: Instant) {
        let kind = match (failure, self.redis) {
            (Some(DirectoryFailure::Away), RedisReach::Up { .. }) => {
                self.redis = RedisReach::Away { since: now };
                EventKind::RedisAway
            }
            (None | Some(DirectoryFailure::Refused), RedisReach::Away { .. }) => {
                self.redis = RedisReach::Up { since: now };
                EventKind::RedisBack
            }
            _ => return,
        };
        self.effects.push(LivenessEffect::Report { node: None, kind });
    }
}

/// The incarnation with the highest rank represents the node.
fn rank(record: &IncarnationRecord) -> u8 {
    match (&record.stage, record.link_state) {
        (_, LinkState::Linked(_)) => 3,
        _ if record.abandoned.is_some() => 0,
        (Stage::Watched | Stage::Dying(_), _) => 2,
        (Stage::Dead(_) | Stage::Left { .. }, _) => 1,
    }
}
