use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use trunkline_protocol::{Incarnation, Name};

use super::{
    state::{LeaseGrant, RegistrarState},
    status::{LeaseState, RegistrarStatus},
};
use crate::{directory::Directory, nodes::NodeRecord};

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

    /// The lease, while it certainly has not expired.
    pub(super) fn grant(&self) -> Option<LeaseGrant> {
        self.lock().grant(Instant::now())
    }

    /// The node's record for an incarnation.
    pub(super) fn record(&self, incarnation: Incarnation) -> NodeRecord {
        NodeRecord { incarnation, ..self.record.clone() }
    }
}
