//! Who lives: signs of life, leases and refusals go in; verdicts and purges come out.
//!
//! A pure core: no I/O, and the time is an argument. The hub tells it what happens and carries out
//! its [`Effect`]s.
//!
//! # Rules
//! - An incarnation is condemned only if its link is silent (or gone, for longer than a redial
//!   takes) *and* its lease has lapsed; or if the kernel of its machine refuses datagrams *and* a
//!   round of probes goes unanswered.
//! - A verdict is first the removal of the lease, by compare, and then the purge.
//! - What the relay could not hear because it was away itself is not silence; what Redis could not
//!   say because it was away is not a lapse. Verdicts made while Redis is away are kept, held
//!   against its leases when it is back, and then carried out.
//! - The directory's list of incarnations is read again and again: whatever stands there without
//!   link and lease is cleared away, whoever left it.

mod claims;
mod directory;
mod judge;
mod life;
mod links;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use trunkline_protocol::{
    Incarnation, Name,
    control::MemberState,
    status::{EventKind, PurgeStatus},
};

use claims::Claim;
use life::{Life, Stage, Tie};

pub(crate) use directory::{Condemnation, Failed, Holder};
pub(crate) use life::Cleared;

/// A link, for as long as the relay runs.
pub(crate) type LinkId = u64;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Let the link in under its incarnation.
    Admit(LinkId),
    /// Turn the link away, which claims to be that incarnation.
    Reject(LinkId, Incarnation, Rejection),
    /// The link's node is in another incarnation now.
    Readdress(LinkId, Incarnation),
    /// Close the link: another has taken its place.
    Supersede(LinkId),
    /// Tell the link that its incarnation was condemned, and close it.
    Expel(LinkId, Incarnation),
    /// Ask the link for a sign of life.
    Probe(LinkId, u64),
    /// Read the directory's list of incarnations.
    ReadListing,
    /// Read the leases of these nodes.
    ReadLeases(Vec<Name>),
    /// Remove the incarnation's lease, if it is its own. `unless_held`: leave it alone if so.
    Condemn {
        /// The node.
        node: Name,
        /// Which life of it.
        incarnation: Incarnation,
        /// The verdict rests on a lapse: a lease that is there disproves it.
        unless_held: bool,
    },
    /// Remove what the directory has of the incarnation.
    Purge {
        /// The node.
        node: Name,
        /// Which life of it.
        incarnation: Incarnation,
        /// How long its commands may still take effect.
        settle: Duration,
    },
    /// Something happened that operators want to know.
    Tell {
        /// The node, and which life of it, if it is about one.
        node: Option<(Name, Incarnation)>,
        /// What happened.
        kind: EventKind,
    },
    /// The state of a node changed.
    Changed,
}

/// Why a link is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// A living process has the name.
    NameTaken,
    /// The incarnation is one of another node.
    Foreign,
    /// The incarnation was condemned, or has left.
    Over,
    /// As many incarnations are watched as can be.
    Full,
}

/// A node as its relay sees it: its latest life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Which life.
    pub(crate) incarnation: Incarnation,
    /// What is thought of it.
    pub(crate) state: MemberState,
    /// Its last sign of life.
    pub(crate) last_sign: Instant,
    /// Its link.
    pub(crate) link: Option<LinkId>,
    /// What its clean-up came to, if it was judged dead.
    pub(crate) purge: Option<PurgeStatus>,
}

/// Whether Redis answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redis {
    /// It does.
    Up {
        /// Since when.
        since: Instant,
    },
    /// It does not.
    Away {
        /// Since when.
        since: Instant,
    },
}

/// The state of the core.
#[derive(Debug)]
pub(crate) struct Liveness {
    lives: BTreeMap<Incarnation, Life>,
    /// Admitted links.
    links: BTreeMap<LinkId, Incarnation>,
    /// Names that are to be decided on.
    claims: BTreeMap<Name, Claim>,
    nonce: u64,
    redis: Redis,
    listing: Reading,
    leases: Reading,
    /// Since when this relay has been there to hear.
    awake: Instant,
    ticked: Instant,
    effects: Vec<Effect>,
}

/// When something was read from the directory.
#[derive(Clone, Copy, Debug)]
struct Reading {
    asked: Option<Instant>,
    under_way: bool,
}

impl Reading {
    const NEVER: Self = Self { asked: None, under_way: false };

    fn is_due(self, every: Duration, now: Instant) -> bool {
        !self.under_way && self.asked.is_none_or(|asked| now >= asked + every)
    }

    fn begin(&mut self, now: Instant) {
        *self = Self { asked: Some(now), under_way: true };
    }
}

impl Liveness {
    /// Knows nobody yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            lives: BTreeMap::new(),
            links: BTreeMap::new(),
            claims: BTreeMap::new(),
            nonce: 0,
            redis: Redis::Away { since: now },
            listing: Reading::NEVER,
            leases: Reading::NEVER,
            awake: now,
            ticked: now,
            effects: Vec::new(),
        }
    }

    /// What is to be done, in order.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether Redis answers.
    pub(crate) fn redis(&self) -> Redis {
        self.redis
    }

    /// Whether a round of probes is under way, so that time matters more.
    pub(crate) fn is_in_round(&self) -> bool {
        self.lives.values().any(|life| life.round.is_some())
    }

    /// Every node that is known, by name: its life that has a link, or else the latest that is
    /// not over, or else the latest.
    pub(crate) fn nodes(&self) -> BTreeMap<&Name, Seen> {
        let mut latest: BTreeMap<&Name, (u8, Incarnation)> = BTreeMap::new();
        for (&incarnation, life) in &self.lives {
            let rank = (rank(life), incarnation);
            let best = latest.entry(&life.node).or_insert(rank);
            *best = rank.max(*best);
        }
        let seen = |(name, (_, incarnation))| Some((name, self.seen(incarnation)?));
        latest.into_iter().filter_map(seen).collect()
    }

    /// Whether the incarnation is known; what is kept of others can be dropped.
    pub(crate) fn knows(&self, incarnation: Incarnation) -> bool {
        self.lives.contains_key(&incarnation)
    }

    /// The link of an incarnation, if it has one.
    pub(crate) fn link_of(&self, incarnation: Incarnation) -> Option<LinkId> {
        self.lives.get(&incarnation)?.link()
    }

    fn seen(&self, incarnation: Incarnation) -> Option<Seen> {
        let life = self.lives.get(&incarnation)?;
        Some(Seen {
            incarnation,
            state: life.state(self.awake, self.ticked),
            last_sign: life.last_sign,
            link: life.link(),
            purge: life.purge(),
        })
    }

    /// Tells operators, and the nodes, if the incarnation's state is not what it was.
    fn refresh(&mut self, incarnation: Incarnation, now: Instant) {
        let Some(life) = self.lives.get_mut(&incarnation) else { return };
        let state = life.state(self.awake, now);
        let before = life.told.replace(state);
        if before == Some(state) {
            return;
        }
        let kind = match state {
            MemberState::Joining => None,
            MemberState::Live | MemberState::Draining
                if !std::mem::replace(&mut life.joined, true) =>
            {
                Some(EventKind::Joined)
            }
            MemberState::Live => Some(EventKind::Recovered),
            MemberState::Draining => Some(EventKind::Draining),
            MemberState::Suspect => {
                (life.joined && life.renounced.is_none()).then_some(EventKind::Suspect)
            }
            MemberState::Left => Some(EventKind::Left),
            MemberState::Dead => {
                life.purge().map(|purge| EventKind::Dead { verdict_ms: purge.verdict_ms })
            }
        };
        self.effects.push(Effect::Changed);
        if let Some(kind) = kind {
            self.tell(incarnation, kind);
        }
    }

    fn tell(&mut self, incarnation: Incarnation, kind: EventKind) {
        let node = self.lives.get(&incarnation).map(|life| (life.node.clone(), incarnation));
        self.effects.push(Effect::Tell { node, kind });
    }
}

fn rank(life: &Life) -> u8 {
    match (&life.stage, life.tie) {
        (_, Tie::Up(_)) => 3,
        _ if life.renounced.is_some() => 0,
        (Stage::Watched | Stage::Judged(_), _) => 2,
        (Stage::Dead(_) | Stage::Left { .. }, _) => 1,
    }
}
