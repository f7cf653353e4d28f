//! What the directory says: who is listed, who has a lease, and what became of verdicts.

use std::time::{Duration, Instant};

use trunkline_directory::defaults::LEASE_TTL;
use trunkline_protocol::{Incarnation, Name, status::EventKind};

use super::{
    Effect, Liveness, Redis,
    life::{Cleared, Clearing, Grounds, LeaseSeen, Life, Stage, Tie, Work},
    links::withdraw,
};
use crate::defaults::{LIVES_MAX, RETRY_PAUSE};

/// Who has a node's lease, and for how long it lasts if it is not renewed.
pub(crate) type Holder = (Incarnation, Duration);

/// What became of removing a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condemnation {
    /// The incarnation has no lease any more; its commands may take effect for so long.
    Done {
        /// How long.
        settle: Duration,
    },
    /// It has its lease, and was to be left alone in that case.
    Held {
        /// How long the lease lasts if it is not renewed.
        left: Duration,
    },
}

/// Why Redis did not do something. Some of it may have been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It does not answer.
    Away,
    /// It answers, and refuses.
    Refused,
}

impl Liveness {
    /// The list of incarnations that was asked for. A Redis that does not give it is away.
    pub(crate) fn listed(&mut self, listing: Result<&[(Incarnation, Name)], Failed>, now: Instant) {
        self.listing.under_way = false;
        let Ok(listing) = listing else { return self.redis_failed(now) };
        self.redis_answered(now);
        let asked = self.listing.asked.unwrap_or(now);
        self.lives.values_mut().for_each(|life| life.listed = false);
        for (incarnation, node) in listing {
            if self.lives.len() < LIVES_MAX || self.lives.contains_key(incarnation) {
                let new = || Life::new(node.clone(), now);
                list(self.lives.entry(*incarnation).or_insert_with(new), asked, now);
            }
        }
        self.forget_unlisted();
    }

    /// The leases that were asked for.
    pub(crate) fn leases(
        &mut self,
        leases: Result<&[(Name, Option<Holder>)], Failed>,
        now: Instant,
    ) {
        self.leases.under_way = false;
        self.redis_did(leases.err(), now);
        let Ok(leases) = leases else { return };
        for (node, holder) in leases {
            for (incarnation, life) in &mut self.lives {
                if life.node == *node {
                    life.lease = seen(holder.filter(|(holder, _)| holder == incarnation), now);
                }
            }
        }
    }

    /// What became of [`Effect::Condemn`].
    pub(crate) fn condemned(
        &mut self,
        incarnation: Incarnation,
        condemnation: Result<Condemnation, Failed>,
        now: Instant,
    ) {
        self.redis_did(condemnation.err(), now);
        let Some(life) = self.lives.get_mut(&incarnation) else { return };
        let Stage::Judged(verdict) = &mut life.stage else { return };
        match condemnation {
            Err(_) => {
                verdict.work = Work::Due { from: now + RETRY_PAUSE };
                verdict.tried = true;
            }
            Ok(Condemnation::Held { left }) => {
                verdict.work = Work::Due { from: now };
                withdraw(life);
                life.lease = seen(Some((incarnation, left)), now);
            }
            Ok(Condemnation::Done { settle }) => {
                // A removal that failed may have been the one that took effect.
                let settle = if verdict.tried { LEASE_TTL } else { settle };
                let left = verdict.grounds == Grounds::Leavings;
                self.bury(incarnation, left, settle, now);
            }
        }
    }

    /// How far [`Effect::Purge`] has come.
    pub(crate) fn purging(&mut self, incarnation: Incarnation, cleared: Cleared, now: Instant) {
        let Some((_, clearing)) = self.clearing(incarnation) else { return };
        if cleared.removed > clearing.now.removed {
            clearing.removed_at = now;
        }
        clearing.now = cleared;
    }

    /// What became of [`Effect::Purge`]; after a success nothing is left.
    pub(crate) fn purged(
        &mut self,
        incarnation: Incarnation,
        result: Result<(), Failed>,
        now: Instant,
    ) {
        self.redis_did(result.err(), now);
        let Some((last_sign, clearing)) = self.clearing(incarnation) else { return };
        clearing.removed_before += clearing.now.removed;
        clearing.now.removed = 0;
        if result.is_err() {
            clearing.work = Work::Due { from: now + RETRY_PAUSE };
            return;
        }
        clearing.work = Work::Done { at: now };
        let kind = EventKind::Cleaned {
            removed: clearing.removed(),
            kept: clearing.now.kept,
            done_ms: clearing.done_ms(last_sign),
        };
        self.tell(incarnation, kind);
    }

    fn clearing(&mut self, incarnation: Incarnation) -> Option<(Instant, &mut Clearing)> {
        let life = self.lives.get_mut(&incarnation)?;
        match &mut life.stage {
            Stage::Dead(clearing) => Some((life.last_sign, clearing)),
            Stage::Watched | Stage::Judged(_) | Stage::Left { .. } => None,
        }
    }

    /// The incarnation is dead: its lease is gone, its link goes, and its entries are to go.
    fn bury(&mut self, incarnation: Incarnation, left: bool, settle: Duration, now: Instant) {
        let Some(life) = self.lives.get_mut(&incarnation) else { return };
        if let Some(link) = life.link() {
            self.links.remove(&link);
            self.effects.push(Effect::Expel(link, incarnation));
        }
        life.tie = Tie::Lost { since: now };
        life.round = None;
        life.stage = Stage::Dead(Clearing {
            left,
            verdict: now.saturating_duration_since(life.last_sign),
            settle,
            work: Work::Due { from: now },
            removed_before: 0,
            now: Cleared::default(),
            removed_at: now,
        });
        self.refresh(incarnation, now);
        self.settle_claims(now);
        self.start_purges(now);
    }

    fn redis_did(&mut self, failed: Option<Failed>, now: Instant) {
        match failed {
            None | Some(Failed::Refused) => self.redis_answered(now),
            Some(Failed::Away) => self.redis_failed(now),
        }
    }

    fn redis_answered(&mut self, now: Instant) {
        if let Redis::Away { .. } = self.redis {
            self.redis = Redis::Up { since: now };
            self.effects.push(Effect::Tell { node: None, kind: EventKind::RedisBack });
        }
    }

    fn redis_failed(&mut self, now: Instant) {
        if let Redis::Up { .. } = self.redis {
            self.redis = Redis::Away { since: now };
            self.effects.push(Effect::Tell { node: None, kind: EventKind::RedisAway });
        }
    }

    /// Drops those who only stood in the list, or were left to their own process to clear away.
    fn forget_unlisted(&mut self) {
        let before = self.lives.len();
        self.lives.retain(|_, life| {
            let ours = life.joined && life.renounced.is_none();
            life.listed || ours || life.link().is_some() || matches!(life.stage, Stage::Dead(_))
        });
        if self.lives.len() < before {
            self.effects.push(Effect::Changed);
        }
    }
}

/// Takes note that a life is listed. One that had been cleared away before the list was read is
/// judged anew: it may be leavings, or a process that got its lease after all.
fn list(life: &mut Life, asked: Instant, now: Instant) {
    if life.over_since().is_some_and(|since| since < asked) && life.is_dead() {
        *life = Life::new(life.node.clone(), now);
    }
    life.listed = true;
}

fn seen(held: Option<Holder>, now: Instant) -> LeaseSeen {
    match held {
        Some((_, left)) => {
            let age = LEASE_TTL.saturating_sub(left);
            LeaseSeen::Held { renewed: now.checked_sub(age).unwrap_or(now), at: now }
        }
        None => LeaseSeen::Free { at: now },
    }
}
