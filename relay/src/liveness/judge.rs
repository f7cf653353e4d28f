//! What follows with time: silence, verdicts, and carrying them out.

use std::time::Instant;

use trunkline_protocol::{Incarnation, Name};

use super::{
    Effect, Liveness, Redis,
    life::{Clearing, Grounds, LeaseSeen, Life, Stage, Tie, Verdict, Work},
};
use crate::defaults::{
    ABSENCE, LEASE_AGE_SLACK, LEASES_EVERY, LISTING_EVERY, PROBE_EVERY, PROBES, PURGES_MAX,
    REDIS_SETTLED, REFUSALS_MIN, RENOUNCED_GRACE, ROUND_MAX, SHOWN, SHOWN_MAX,
};

impl Liveness {
    /// Looks at the clock.
    pub(crate) fn tick(&mut self, now: Instant) {
        if now >= self.ticked + ABSENCE {
            self.wake(now);
        }
        self.ticked = now;
        self.read_directory(now);
        self.settle_claims(now);
        self.advance_rounds(now);
        self.judge(now);
        self.carry_out(now);
        self.start_purges(now);
        self.forget_shown(now);
        for incarnation in self.lives.keys().copied().collect::<Vec<_>>() {
            self.refresh(incarnation, now);
        }
    }

    /// The relay itself was away: what nobody was there to hear was not silence.
    fn wake(&mut self, now: Instant) {
        self.awake = now;
        self.lives.values_mut().for_each(|life| life.round = None);
    }

    fn read_directory(&mut self, now: Instant) {
        if self.listing.is_due(LISTING_EVERY, now) {
            self.listing.begin(now);
            self.effects.push(Effect::ReadListing);
        }
        if matches!(self.redis, Redis::Up { .. }) && self.leases.is_due(LEASES_EVERY, now) {
            let unheard = self.unheard(now);
            if !unheard.is_empty() {
                self.leases.begin(now);
                self.effects.push(Effect::ReadLeases(unheard));
            }
        }
    }

    /// The nodes whose leases matter.
    fn unheard(&self, now: Instant) -> Vec<Name> {
        let open = self.lives.values().filter(|life| {
            life.is_open() && !life.is_heard(self.awake, now) && !self.is_left_alone(life, now)
        });
        let mut names: Vec<_> = open.map(|life| life.node.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether its own process is there to clear it away.
    fn is_left_alone(&self, life: &Life, now: Instant) -> bool {
        let Some((since, link)) = life.renounced else { return false };
        let heir = self.links.get(&link).and_then(|incarnation| self.lives.get(incarnation));
        now < since + RENOUNCED_GRACE && heir.is_some_and(|heir| heir.is_heard(self.awake, now))
    }

    fn advance_rounds(&mut self, now: Instant) {
        let mut due = Vec::new();
        for life in self.lives.values_mut() {
            let (Some(round), Tie::Up(link)) = (&mut life.round, life.tie) else { continue };
            if now < round.probed + PROBE_EVERY {
                continue;
            }
            if round.probes < PROBES {
                round.probes += 1;
                round.probed = now;
                due.push(link);
            } else if round.refusals >= REFUSALS_MIN {
                life.stage = Stage::Judged(Verdict::new(Grounds::Refusals, now));
                life.round = None;
            } else if now >= round.since + ROUND_MAX {
                life.round = None;
            }
        }
        for link in due {
            self.probe(link);
        }
    }

    fn judge(&mut self, now: Instant) {
        let Redis::Up { since } = self.redis else { return };
        let settled = since + REDIS_SETTLED;
        let lapsed = |life: &Life| {
            let free = matches!(life.lease, LeaseSeen::Free { at } if at >= settled);
            free && life.is_absent(self.awake, now) && !self.is_left_alone(life, now)
        };
        let judged: Vec<_> = self
            .lives
            .iter()
            .filter(|(_, life)| lapsed(life))
            .filter_map(|(&incarnation, life)| Some((incarnation, life.grounds_of_lapse()?)))
            .collect();
        for (incarnation, grounds) in judged {
            if let Some(life) = self.lives.get_mut(&incarnation) {
                life.stage = Stage::Judged(Verdict::new(grounds, now));
            }
        }
    }

    fn carry_out(&mut self, now: Instant) {
        let Redis::Up { since } = self.redis else { return };
        let awake = self.awake;
        for (&incarnation, life) in &mut self.lives {
            let heard = life.is_heard(awake, now);
            let Stage::Judged(verdict) = &mut life.stage else { continue };
            if !matches!(verdict.work, Work::Due { from } if now >= from) {
                continue;
            }
            match verdict.holds(life.lease, since, now) {
                // A verdict by refusals is quicker than silence, and a sign of life withdraws it.
                _ if heard && verdict.grounds != Grounds::Refusals => {
                    life.stage = verdict.withdrawn();
                }
                Some(true) => {
                    verdict.work = Work::Running;
                    let unless_held = verdict.grounds != Grounds::Refusals;
                    let node = life.node.clone();
                    self.effects.push(Effect::Condemn { node, incarnation, unless_held });
                }
                Some(false) => life.stage = verdict.withdrawn(),
                None => {}
            }
        }
    }

    /// Starts as many purges as may run at a time.
    pub(super) fn start_purges(&mut self, now: Instant) {
        if !matches!(self.redis, Redis::Up { .. }) {
            return;
        }
        let running =
            |life: &&Life| matches!(&life.stage, Stage::Dead(Clearing { work: Work::Running, .. }));
        let free = PURGES_MAX.saturating_sub(self.lives.values().filter(running).count());
        let due = self.lives.iter_mut().filter_map(|(&incarnation, life)| match &mut life.stage {
            Stage::Dead(clearing) if matches!(clearing.work, Work::Due { from } if now >= from) => {
                Some((incarnation, &life.node, clearing))
            }
            _ => None,
        });
        for (incarnation, node, clearing) in due.take(free) {
            clearing.work = Work::Running;
            let (node, settle) = (node.clone(), clearing.settle);
            self.effects.push(Effect::Purge { node, incarnation, settle });
        }
    }

    /// Drops those who were dead, or had left, for long enough or too many.
    fn forget_shown(&mut self, now: Instant) {
        let over =
            |(&incarnation, life): (&Incarnation, &Life)| Some((life.over_since()?, incarnation));
        let mut shown: Vec<_> = self.lives.iter().filter_map(over).collect();
        shown.sort_unstable();
        let surplus = shown.len().saturating_sub(SHOWN_MAX);
        for (at, (since, incarnation)) in shown.into_iter().enumerate() {
            if at < surplus || now >= since + SHOWN {
                self.lives.remove(&incarnation);
                self.effects.push(Effect::Changed);
            }
        }
    }
}

impl Life {
    /// What a verdict would rest on, now that its lease has lapsed and its link is gone.
    fn grounds_of_lapse(&self) -> Option<Grounds> {
        match self.stage {
            Stage::Watched => Some(Grounds::Lapse),
            Stage::Left { .. } if self.listed => Some(Grounds::Leavings),
            Stage::Left { .. } | Stage::Judged(_) | Stage::Dead(_) => None,
        }
    }
}

impl Verdict {
    fn new(grounds: Grounds, now: Instant) -> Self {
        Self { at: now, grounds, work: Work::Due { from: now }, tried: false }
    }

    /// What it was before.
    pub(super) fn withdrawn(self) -> Stage {
        match self.grounds {
            Grounds::Lapse | Grounds::Refusals => Stage::Watched,
            Grounds::Leavings => Stage::Left { since: self.at },
        }
    }

    /// Whether the verdict holds. One that was kept while Redis was away is held against the
    /// lease as it is now; `None` until that can be known.
    fn holds(&self, lease: LeaseSeen, redis_since: Instant, now: Instant) -> Option<bool> {
        if redis_since <= self.at {
            return Some(true);
        }
        if now < redis_since + REDIS_SETTLED || lease.at()? < redis_since + REDIS_SETTLED {
            return None;
        }
        Some(match lease {
            LeaseSeen::Held { renewed, .. } => renewed < self.at + LEASE_AGE_SLACK,
            LeaseSeen::Unknown | LeaseSeen::Free { .. } => true,
        })
    }
}
