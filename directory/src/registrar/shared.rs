use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{Notify, oneshot, watch},
    time::Instant,
};
use trunkline_protocol::{Incarnation, Name, User};

use super::{
    state::{LeaseGrant, LeasePhase, RegistrarState},
    status::{LeaseState, RegistrarCounts, RegistrarStatus},
};
use crate::{directory::Directory, nodes::NodeRecord, users::Location};

/// What the handle and the loops of the registrar share. The lock is held for a few map operations
/// at a time, never across an await.
#[derive(Debug)]
pub(super) struct RegistrarShared {
    pub(super) directory: Directory,
    pub(super) node: Name,
    record: NodeRecord,
    state: Mutex<RegistrarState>,
    status: watch::Sender<RegistrarStatus>,
    /// Wakes the worker: there may be an operation to start.
    pub(super) work: Notify,
    /// Wakes the lease keeper before its next renewal is due.
    pub(super) lease_check: Notify,
    /// Wakes the listing check: an incarnation has acquired its lease.
    pub(super) granted: Notify,
    /// An operation has finished.
    pub(super) finished: Notify,
}

impl RegistrarShared {
    pub(super) fn new(directory: Directory, node: Name, record: NodeRecord) -> Self {
        let incarnation = record.incarnation;
        let lease = LeaseState::Seeking;
        let status = RegistrarStatus { incarnation, lease, redis_away: false, rebuilding: false };
        Self {
            directory,
            node,
            record,
            state: Mutex::new(RegistrarState::new(incarnation)),
            status: watch::Sender::new(status),
            work: Notify::new(),
            lease_check: Notify::new(),
            granted: Notify::new(),
            finished: Notify::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, RegistrarState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(&self, user: &User) -> oneshot::Receiver<Vec<Location>> {
        let (answer, registration) = oneshot::channel();
        let mut state = self.lock();
        if !state.closing {
            let revision = state.reconciler.register(user, unix_ms(), Instant::now());
            state.wait(user, revision, answer);
            self.work.notify_one();
        }
        registration
    }

    pub(super) fn deregister(&self, user: &User) {
        let mut state = self.lock();
        state.reconciler.deregister(user, Instant::now());
        state.waiters.remove(user);
        self.work.notify_one();
    }

    pub(super) fn report_stale(&self, user: &User) {
        self.lock().reconciler.remove_stale(user, unix_ms(), Instant::now());
        self.work.notify_one();
    }

    pub(super) fn reincarnate(&self, incarnation: Incarnation) {
        let mut state = self.lock();
        if state.incarnation == incarnation {
            return;
        }
        let former = std::mem::replace(&mut state.incarnation, incarnation);
        state.former.insert(former);
        (state.phase, state.misses_untrusted_until) = (LeasePhase::Seeking, None);
        drop(state);
        self.publish(|status| {
            status.incarnation = incarnation;
            status.lease = LeaseState::Seeking;
        });
        self.lease_check.notify_one();
    }

    pub(super) fn status(&self) -> watch::Receiver<RegistrarStatus> {
        self.status.subscribe()
    }

    /// Changes the status, and wakes its readers if it differs then.
    pub(super) fn publish(&self, change: impl FnOnce(&mut RegistrarStatus)) {
        self.status.send_if_modified(|status| {
            let before = *status;
            change(status);
            *status != before
        });
    }

    pub(super) fn counts(&self) -> RegistrarCounts {
        let state = self.lock();
        RegistrarCounts {
            desired: state.reconciler.desired(),
            pending: state.reconciler.pending(),
            in_flight: state.reconciler.in_flight(),
            rebuilding: state.reconciler.rebuilding(),
            stale_entries_removed: state.stale_entries_removed,
            entries_repaired: state.entries_repaired,
        }
    }

    /// The lease, while it certainly has not expired.
    pub(super) fn grant(&self) -> Option<LeaseGrant> {
        self.lock().grant(Instant::now())
    }

    /// The node's record for an incarnation.
    pub(super) fn record(&self, incarnation: Incarnation) -> NodeRecord {
        NodeRecord { incarnation, ..self.record.clone() }
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
