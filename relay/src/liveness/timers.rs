//! What follows with time: silence, deaths, and carrying them out.

use std::time::Instant;

use trunkline_protocol::{Incarnation, Name};

use super::{
    core::{Liveness, RedisReach},
    effect::{DirectoryCommand, LivenessEffect},
    incarnation_record::{
        Cleanup, DeathReason, IncarnationRecord, JobState, LinkState, ObservedLease, PendingDeath,
        Stage,
    },
};
use crate::defaults::{
    ABANDONED_GRACE, ENDED_NODES_KEPT, ENDED_NODES_MAX, LEASE_AGE_SLACK, LEASES_EVERY,
    LISTING_EVERY, PROBE_EVERY, PROBE_ROUND_MAX, PROBES, PURGES_MAX, REDIS_STABLE_AFTER,
    REFUSALS_MIN, RELAY_STALL_MIN,
};

impl Liveness {
    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        if now >= self.last_tick + RELAY_STALL_MIN {
            self.resume_after_stall(now);
        }
        self.last_tick = now;
        self.read_directory(now);
        self.resolve_claims(now);
        self.advance_probe_rounds(now);
        self.decide_lapses(now);
        self.revoke_leases(now);
        self.start_purges(now);
        self.forget_ended(now);
        for incarnation in self.incarnations.keys().copied().collect::<Vec<_>>() {
            self.refresh(incarnation, now);
        }
    }

    /// The relay itself was stalled: what it could not hear meanwhile was not silence.
    fn resume_after_stall(&mut self, now: Instant) {
        self.listening_since = now;
        self.incarnations.values_mut().for_each(|record| record.probe_round = None);
    }

    fn read_directory(&mut self, now: Instant) {
        if self.listing.is_due(LISTING_EVERY, now) {
            self.listing.begin(now);
            self.effects.push(LivenessEffect::Directory(DirectoryCommand::ReadListing));
        }
        if matches!(self.redis, RedisReach::Up { .. }) && self.leases.is_due(LEASES_EVERY, now) {
            let unheard = self.unheard(now);
            if !unheard.is_empty() {
                self.leases.begin(now);
                self.effects.push(LivenessEffect::Directory(DirectoryCommand::ReadLeases(unheard)));
            }
        }
    }

    /// The nodes whose leases matter.
    fn unheard(&self, now: Instant) -> Vec<Name> {
        let is_unheard = |record: &&IncarnationRecord| {
            record.is_open()
                && !record.is_heard(self.listening_since, now)
                && !self.is_purged_by_successor(record, now)
        };
        let unheard = self.incarnations.values().filter(is_unheard);
        let mut names: Vec<_> = unheard.map(|record| record.node.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether its own process runs on in another incarnation, and purges this one itself.
    fn is_purged_by_successor(&self, record: &IncarnationRecord, now: Instant) -> bool {
        let Some((since, link)) = record.abandoned else { return false };
        let successor = self.links.get(&link).and_then(|next| self.incarnations.get(next));
        now < since + ABANDONED_GRACE
            && successor.is_some_and(|successor| successor.is_heard(self.listening_since, now))
    }

    fn advance_probe_rounds(&mut self, now: Instant) {
        let mut due = Vec::new();
        for record in self.incarnations.values_mut() {
            let (Some(round), LinkState::Linked(link)) =
                (&mut record.probe_round, record.link_state)
            else {
                continue;
            };
            if now < round.probed + PROBE_EVERY {
                continue;
            }
            if round.probes < PROBES {
                round.probes += 1;
                round.probed = now;
                due.push(link);
            } else if round.refusals >= REFUSALS_MIN {
                let death = PendingDeath::new(DeathReason::ConnectionRefused, now);
                record.stage = Stage::Dying(death);
                record.probe_round = None;
            } else if now >= round.since + PROBE_ROUND_MAX {
                record.probe_round = None;
            }
        }
        for link in due {
            self.probe(link);
        }
    }

    fn decide_lapses(&mut self, now: Instant) {
        let RedisReach::Up { since } = self.redis else { return };
        let stable = since + REDIS_STABLE_AFTER;
        let has_lapsed = |record: &IncarnationRecord| {
            let is_free = matches!(record.lease, ObservedLease::Free { at } if at >= stable);
            is_free
                && record.is_absent(self.listening_since, now)
                && !self.is_purged_by_successor(record, now)
        };
        let decided: Vec<_> = self
            .incarnations
            .iter()
            .filter(|(_, record)| has_lapsed(record))
            .filter_map(|(&incarnation, record)| Some((incarnation, lapse_reason(record)?)))
            .collect();
        for (incarnation, reason) in decided {
            if let Some(record) = self.incarnations.get_mut(&incarnation) {
                record.stage = Stage::Dying(PendingDeath::new(reason, now));
            }
        }
    }

    fn revoke_leases(&mut self, now: Instant) {
        let RedisReach::Up { since } = self.redis else { return };
        let listening_since = self.listening_since;
        for (&incarnation, record) in &mut self.incarnations {
            let is_heard = record.is_heard(listening_since, now);
            let Stage::Dying(death) = &mut record.stage else { continue };
            if !matches!(death.job, JobState::Due { from } if now >= from) {
                continue;
            }
            match still_applies(death, record.lease, since, now) {
                // A death by connection-refused signals is decided before the link counts as silent,
                // so a link that still counts as heard does not disprove it; a new message does, in
                // `heard`.
                _ if is_heard && death.reason != DeathReason::ConnectionRefused => {
                    record.stage = death.withdrawn();
                }
                Some(true) => {
                    death.job = JobState::Running;
                    let unless_held = death.reason != DeathReason::ConnectionRefused;
                    let node = record.node.clone();
                    let revoke = DirectoryCommand::RevokeLease { node, incarnation, unless_held };
                    self.effects.push(LivenessEffect::Directory(revoke));
                }
                Some(false) => record.stage = death.withdrawn(),
                None => {}
            }
        }
    }

    /// Starts as many purges as may run at a time.
    pub(super) fn start_purges(&mut self, now: Instant) {
        if !matches!(self.redis, RedisReach::Up { .. }) {
            return;
        }
        let is_running = |record: &&IncarnationRecord| {
            matches!(&record.stage, Stage::Dead(Cleanup { job: JobState::Running, .. }))
        };
        let running = self.incarnations.values().filter(is_running).count();
        let due = self.incarnations.iter_mut().filter_map(|(&incarnation, record)| {
            let Stage::Dead(cleanup) = &mut record.stage else { return None };
            let is_due = matches!(cleanup.job, JobState::Due { from } if now >= from);
            is_due.then_some((incarnation, &record.node, cleanup))
        });
        for (incarnation, node, cleanup) in due.take(PURGES_MAX.saturating_sub(running)) {
            cleanup.job = JobState::Running;
            let (node, late_window) = (node.clone(), cleanup.late_window);
            let purge = DirectoryCommand::Purge { node, incarnation, late_window };
            self.effects.push(LivenessEffect::Directory(purge));
        }
    }

    /// Drops incarnations that ended long ago, and the oldest of those that are too many.
    fn forget_ended(&mut self, now: Instant) {
        let ended = |(&incarnation, record): (&Incarnation, &IncarnationRecord)| {
            Some((record.over_since()?, incarnation))
        };
        let mut ended: Vec<_> = self.incarnations.iter().filter_map(ended).collect();
        ended.sort_unstable();
        let surplus = ended.len().saturating_sub(ENDED_NODES_MAX);
        for (at, (since, incarnation)) in ended.into_iter().enumerate() {
            if at < surplus || now >= since + ENDED_NODES_KEPT {
                self.incarnations.remove(&incarnation);
                self.effects.push(LivenessEffect::MembersChanged);
            }
        }
    }
}

/// Why to declare an incarnation dead whose link is gone and whose lease has lapsed.
fn lapse_reason(record: &IncarnationRecord) -> Option<DeathReason> {
    match record.stage {
        Stage::Watched => Some(DeathReason::LeaseLapsed),
        Stage::Left { .. } if record.listed => Some(DeathReason::EntriesLeft),
        Stage::Left { .. } | Stage::Dying(_) | Stage::Dead(_) => None,
    }
}

/// Whether a death that was decided is to be carried out. One that was kept while Redis was away is
/// checked against the lease that Redis has now; `None` until that lease is known.
fn still_applies(
    death: &PendingDeath,
    lease: ObservedLease,
    redis_since: Instant,
    now: Instant,
) -> Option<bool> {
    if redis_since <= death.at {
        return Some(true);
    }
    let stable = redis_since + REDIS_STABLE_AFTER;
    if now < stable || lease.at()? < stable {
        return None;
    }
    Some(match lease {
        ObservedLease::Held { renewed, .. } => renewed < death.at + LEASE_AGE_SLACK,
        ObservedLease::Unknown | ObservedLease::Free { .. } => true,
    })
}
