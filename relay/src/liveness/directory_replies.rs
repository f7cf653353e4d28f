//! What the directory replies: who is listed, who holds a lease, and what became of revocations and
//! purges.

use std::time::{Duration, Instant};

use trunkline_directory::defaults::LEASE_TTL;
use trunkline_protocol::{Incarnation, Name, status::EventKind};

use super::{
    core::Liveness,
    effect::{
        DirectoryFailure, DirectoryReply, LeaseHolder, LeaseRevocation, LivenessEffect,
        PurgeProgress,
    },
    incarnation_record::{Cleanup, DeathReason, IncarnationRecord, JobState, ObservedLease, Stage},
};
use crate::defaults::{INCARNATIONS_MAX, RETRY_PAUSE};

impl Liveness {
    /// The directory replied to a [`DirectoryCommand`](super::effect::DirectoryCommand).
    pub(crate) fn directory_replied(&mut self, reply: DirectoryReply, now: Instant) {
        match reply {
            DirectoryReply::Listing(listing) => {
                self.listing_read(listing.map(|listing| listing.incarnations), now);
            }
            DirectoryReply::Leases(leases) => self.leases_read(leases, now),
            DirectoryReply::LeaseRevoked(incarnation, result) => {
                self.lease_revoked(incarnation, result, now);
            }
            DirectoryReply::PurgeProgressed(incarnation, progress) => {
                self.purge_progressed(incarnation, progress, now);
            }
            DirectoryReply::PurgeEnded(incarnation, result) => {
                self.purge_ended(incarnation, result, now);
            }
        }
    }

    /// A Redis that refuses to show the list counts as away: without the list nothing can be purged.
    pub(super) fn listing_read(
        &mut self,
        listing: Result<Vec<(Incarnation, Name)>, DirectoryFailure>,
        now: Instant,
    ) {
        self.listing.is_running = false;
        self.redis_replied(listing.as_ref().err().map(|_| DirectoryFailure::Away), now);
        let Ok(listing) = listing else { return };
        let asked = self.listing.asked.unwrap_or(now);
        self.incarnations.values_mut().for_each(|record| record.listed = false);
        for (incarnation, node) in listing {
            let has_room = self.incarnations.len() < INCARNATIONS_MAX;
            if has_room || self.incarnations.contains_key(&incarnation) {
                let new = || IncarnationRecord::new(node, now);
                set_listed(self.incarnations.entry(incarnation).or_insert_with(new), asked, now);
            }
        }
        self.forget_unlisted();
    }

    pub(super) fn leases_read(
        &mut self,
        leases: Result<Vec<(Name, Option<LeaseHolder>)>, DirectoryFailure>,
        now: Instant,
    ) {
        self.leases.is_running = false;
        self.redis_replied(leases.as_ref().err().copied(), now);
        for (node, holder) in leases.unwrap_or_default() {
            for (incarnation, record) in &mut self.incarnations {
                if record.node == node {
                    let held = holder.filter(|(holder, _)| holder == incarnation);
                    record.lease = observed(held.map(|(_, left)| left), now);
                }
            }
        }
    }

    pub(super) fn lease_revoked(
        &mut self,
        incarnation: Incarnation,
        result: Result<LeaseRevocation, DirectoryFailure>,
        now: Instant,
    ) {
        self.redis_replied(result.err(), now);
        let Some(record) = self.incarnations.get_mut(&incarnation) else { return };
        let Stage::Dying(death) = &mut record.stage else { return };
        match result {
            Err(_) => {
                death.job = JobState::Due { from: now + RETRY_PAUSE };
                death.revoke_tried = true;
            }
            Ok(LeaseRevocation::Held { left }) => {
                death.job = JobState::Due { from: now };
                record.spare();
                record.lease = observed(Some(left), now);
            }
            Ok(LeaseRevocation::Revoked { late_window }) => {
                // A revocation that timed out may have been the one that took effect; then this one
                // found no lease, and reports no window.
                let late_window = if death.revoke_tried { LEASE_TTL } else { late_window };
                let left = death.reason == DeathReason::EntriesLeft;
                self.declare_dead(incarnation, left, late_window, now);
            }
        }
    }

    pub(super) fn purge_progressed(
        &mut self,
        incarnation: Incarnation,
        progress: PurgeProgress,
        now: Instant,
    ) {
        let Some((_, cleanup)) = self.cleanup(incarnation) else { return };
        if progress.removed > cleanup.progress.removed {
            cleanup.removed_at = now;
        }
        cleanup.progress = progress;
    }

    pub(super) fn purge_ended(
        &mut self,
        incarnation: Incarnation,
        result: Result<(), DirectoryFailure>,
        now: Instant,
    ) {
        self.redis_replied(result.err(), now);
        let Some((last_sign, cleanup)) = self.cleanup(incarnation) else { return };
        cleanup.removed_before += cleanup.progress.removed;
        cleanup.progress.removed = 0;
        if result.is_err() {
            cleanup.job = JobState::Due { from: now + RETRY_PAUSE };
            return;
        }
        cleanup.job = JobState::Done { at: now };
        let kind = EventKind::Cleaned {
            removed: cleanup.removed(),
            kept: cleanup.progress.kept,
            done_ms: cleanup.done_ms(last_sign),
        };
        self.report(incarnation, kind);
    }

    fn cleanup(&mut self, incarnation: Incarnation) -> Option<(Instant, &mut Cleanup)> {
        let record = self.incarnations.get_mut(&incarnation)?;
        match &mut record.stage {
            Stage::Dead(cleanup) => Some((record.last_sign, cleanup)),
            Stage::Watched | Stage::Dying(_) | Stage::Left { .. } => None,
        }
    }

    /// The incarnation has no lease any more: closes its link, and starts to purge its entries.
    fn declare_dead(
        &mut self,
        incarnation: Incarnation,
        left: bool,
        late_window: Duration,
        now: Instant,
    ) {
        let Some(record) = self.incarnations.get_mut(&incarnation) else { return };
        if let Some(link) = record.link() {
            self.links.remove(&link);
            self.effects.push(LivenessEffect::Evict(link, incarnation));
        }
        record.lose_link(now);
        record.stage = Stage::Dead(Cleanup {
            left,
            detection: now.saturating_duration_since(record.last_sign),
            late_window,
            job: JobState::Due { from: now },
            removed_before: 0,
            progress: PurgeProgress::default(),
            removed_at: now,
        });
        self.refresh(incarnation, now);
        self.resolve_claims(now);
        self.start_purges(now);
    }

    /// Drops incarnations that were only known from the list, and those that their own process has
    /// abandoned and purged.
    fn forget_unlisted(&mut self) {
        let before = self.incarnations.len();
        self.incarnations.retain(|_, record| {
            let is_ours = record.joined && record.abandoned.is_none();
            record.listed || is_ours || record.link().is_some() || record.is_dead()
        });
        if self.incarnations.len() < before {
            self.effects.push(LivenessEffect::MembersChanged);
        }
    }
}

/// Takes note that an incarnation is listed. One that had been purged before the list was read is
/// watched anew: it may have late entries, or be a process that got its lease after all.
fn set_listed(record: &mut IncarnationRecord, asked: Instant, now: Instant) {
    if record.over_since().is_some_and(|since| since < asked) && record.is_dead() {
        *record = IncarnationRecord::new(record.node.clone(), now);
    }
    record.listed = true;
}

fn observed(left: Option<Duration>, now: Instant) -> ObservedLease {
    match left {
        Some(left) => {
            let age = LEASE_TTL.saturating_sub(left);
            ObservedLease::Held { renewed: now.checked_sub(age).unwrap_or(now), at: now }
        }
        None => ObservedLease::Free { at: now },
    }
}
