use std::collections::{BTreeSet, HashMap};

use tokio::{sync::oneshot, time::Instant};
use trunkline_protocol::{Incarnation, User};

use super::reconciler::Reconciler;
use crate::{error::EntryError, lease::Fence, users::Location};

/// The lease as it was last acquired or renewed.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeaseGrant {
    pub(super) incarnation: Incarnation,
    pub(super) fence: Fence,
    /// The lease's end by the node's clock. It counts from the request, so it is not later than the
    /// fence: no operation starts after it.
    pub(super) ends: Instant,
}

/// The current incarnation's progress.
#[derive(Clone, Copy, Debug)]
pub(super) enum LeasePhase {
    /// It has not had the lease yet.
    Seeking,
    /// It has the lease, is listed and announced.
    Granted(LeaseGrant),
    /// It has lost the lease.
    Lost,
}

/// A login that waits for its revision to be confirmed.
#[derive(Debug)]
pub(super) struct Waiter {
    revision: u64,
    answer: oneshot::Sender<Vec<Location>>,
}

#[derive(Debug)]
pub(super) struct RegistrarState {
    pub(super) incarnation: Incarnation,
    /// Earlier incarnations of this process that may still have entries.
    pub(super) former: BTreeSet<Incarnation>,
    pub(super) phase: LeasePhase,
    /// Until then a miss may be a user whose node has yet to register it again. `None` while the
    /// incarnation has not had the lease.
    pub(super) misses_untrusted_until: Option<Instant>,
    pub(super) reconciler: Reconciler,
    /// The incarnation that the reconciler's confirmations are about.
    pub(super) reconciled_for: Incarnation,
    pub(super) closing: bool,
    pub(super) stale_entries_removed: u64,
    pub(super) entries_repaired: u64,
    pub(super) waiters: HashMap<User, Vec<Waiter>>,
    /// Commands arrive after their lease's end, and the log has a line about it.
    lateness_logged: bool,
}

impl RegistrarState {
    pub(super) fn new(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            former: BTreeSet::new(),
            phase: LeasePhase::Seeking,
            misses_untrusted_until: None,
            reconciler: Reconciler::default(),
            reconciled_for: incarnation,
            closing: false,
            stale_entries_removed: 0,
            entries_repaired: 0,
            waiters: HashMap::new(),
            lateness_logged: false,
        }
    }

    /// The lease, while it certainly has not expired.
    pub(super) fn grant(&self, now: Instant) -> Option<LeaseGrant> {
        match self.phase {
            LeasePhase::Granted(grant) if now < grant.ends && !self.closing => Some(grant),
            _ => None,
        }
    }

    /// Makes the login wait until `revision` is confirmed.
    pub(super) fn wait(
        &mut self,
        user: &User,
        revision: u64,
        answer: oneshot::Sender<Vec<Location>>,
    ) {
        let waiters = self.waiters.entry(user.clone()).or_default();
        waiters.retain(|waiter| !waiter.answer.is_closed());
        waiters.push(Waiter { revision, answer });
    }

    /// Answers the logins whose revision is confirmed.
    pub(super) fn answer(&mut self, user: &User, revision: u64, others: &[Location]) {
        let Some(waiters) = self.waiters.remove(user) else { return };
        let (confirmed, waiting): (Vec<_>, Vec<_>) =
            waiters.into_iter().partition(|waiter| waiter.revision <= revision);
        for waiter in confirmed {
            // The login may have timed out meanwhile.
            let _ = waiter.answer.send(others.to_vec());
        }
        if !waiting.is_empty() {
            self.waiters.insert(user.clone(), waiting);
        }
    }

    /// Logs that commands arrive too late, once until an operation succeeds again. The Redis client
    /// logs all other failures.
    pub(super) fn log_lateness(&mut self, failure: Option<&EntryError>) {
        let late = matches!(failure, Some(EntryError::LeaseOver { .. }));
        if let Some(error) = failure
            && late
            && !self.lateness_logged
        {
            tracing::warn!(%error, "an entry was not changed, retrying");
        }
        self.lateness_logged = late || (self.lateness_logged && failure.is_some());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn login_is_answered_by_its_own_or_a_later_revision() {
        let mut state = RegistrarState::new(Incarnation::fresh());
        let user: User = "alice".parse().unwrap();
        let (first, mut first_answer) = oneshot::channel();
        let (second, mut second_answer) = oneshot::channel();
        state.wait(&user, 1, first);
        state.wait(&user, 3, second);
        state.answer(&user, 2, &[]);
        assert_eq!(first_answer.try_recv(), Ok(Vec::new()));
        assert!(second_answer.try_recv().is_err());
        state.answer(&user, 4, &[]);
        assert_eq!(second_answer.try_recv(), Ok(Vec::new()));
        assert!(state.waiters.is_empty());
    }

    #[test]
    fn no_operation_starts_after_the_lease_or_during_the_shutdown() {
        let now = Instant::now();
        let mut state = RegistrarState::new(Incarnation::fresh());
        assert!(state.grant(now).is_none());
        let (incarnation, ends) = (state.incarnation, now + Duration::from_secs(1));
        let grant = LeaseGrant { incarnation, fence: Fence::NONE, ends };
        state.phase = LeasePhase::Granted(grant);
        assert!(state.grant(now).is_some());
        assert!(state.grant(ends).is_none());
        state.closing = true;
        assert!(state.grant(now).is_none());
    }
}
