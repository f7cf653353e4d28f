//! Keeps the directory consistent with one node: reconciles Redis with the node's users, one
//! operation per user at a time, and audits both continuously.

mod audit;
mod lease_keeper;
mod listing;
mod look_up;
mod operation;
mod reconciler;
mod registration;
mod shared;
mod shutdown;
mod state;
mod status;
mod worker;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::Instant,
};
use trunkline_protocol::{Incarnation, Name, User};

pub use registration::{Registration, RegistrationCancelled};
pub use shutdown::ShutdownTimedOut;
pub use status::{LeaseState, RegistrarCounts, RegistrarStatus};

use crate::{directory::Directory, error::LookUpError, nodes::NodeRecord, users::Location};
use shared::RegistrarShared;
use state::LeasePhase;

/// The handle of a node's registrar. Cheap to clone; the registrar stops with the last clone.
#[derive(Clone, Debug)]
pub struct Registrar {
    shared: Arc<RegistrarShared>,
    task: Arc<AbortOnDrop>,
}

impl Registrar {
    /// Starts the registrar of `node`, in the record's incarnation, on the current tokio runtime.
    /// Redis may be away.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(directory: Directory, node: Name, record: NodeRecord) -> Self {
        let shared = Arc::new(RegistrarShared::new(directory, node, record));
        let task = tokio::spawn(run(Arc::clone(&shared)));
        Self { shared, task: Arc::new(AbortOnDrop(task)) }
    }

    /// Adds `user` to the desired state, until [`Self::deregister`]. Never blocks.
    ///
    /// Call it for each login, even if the user has other sessions here: each registration reads
    /// the user's other nodes again.
    pub fn register(&self, user: &User) -> Registration {
        let (answer, registration) = oneshot::channel();
        let mut state = self.shared.lock();
        if !state.closing {
            let revision = state.reconciler.register(user, unix_ms(), Instant::now());
            state.wait(user, revision, answer);
            self.shared.work.notify_one();
        }
        Registration(registration)
    }

    /// Removes `user` from the desired state, after the last session has ended. Never blocks.
    pub fn deregister(&self, user: &User) {
        let mut state = self.shared.lock();
        state.reconciler.deregister(user, Instant::now());
        state.waiters.remove(user);
        self.shared.work.notify_one();
    }

    /// Reports that the directory has named this node for a user without a session here. Removes
    /// the entry if it is stale. Never blocks.
    ///
    /// The audit finds stale entries through the node's index. A failover of Redis may leave
    /// entries that are missing in the index; only this report finds them.
    pub fn report_stale(&self, user: &User) {
        self.shared.lock().reconciler.remove_stale(user, unix_ms(), Instant::now());
        self.shared.work.notify_one();
    }

    /// Takes a new incarnation, the answer to [`LeaseState::Lost`]: acquires the lease for it,
    /// lists and announces it, registers all users, and purges the former incarnation last. Does
    /// nothing if the registrar has this incarnation already.
    pub fn reincarnate(&self, incarnation: Incarnation) {
        let mut state = self.shared.lock();
        if state.incarnation == incarnation {
            return;
        }
        let former = std::mem::replace(&mut state.incarnation, incarnation);
        state.former.insert(former);
        (state.phase, state.misses_untrusted_until) = (LeasePhase::Seeking, None);
        drop(state);
        self.shared.publish(|status| {
            status.incarnation = incarnation;
            status.lease = LeaseState::Seeking;
        });
        self.shared.lease_check.notify_one();
    }

    /// The nodes on which `user` has a session; empty only if there certainly is none.
    ///
    /// # Errors
    /// If Redis does not answer, or may have been emptied and not all nodes have registered their
    /// users again.
    pub async fn look_up(&self, user: &User) -> Result<Vec<Location>, LookUpError> {
        look_up::look_up(&self.shared, user).await
    }

    /// The status and its changes. A slow reader sees only the latest one.
    pub fn status(&self) -> watch::Receiver<RegistrarStatus> {
        self.shared.status()
    }

    /// The current problems with Redis, see [`Directory::trouble`].
    pub fn trouble(&self) -> Option<String> {
        self.shared.directory.trouble()
    }

    /// The current counts.
    pub fn counts(&self) -> RegistrarCounts {
        let state = self.shared.lock();
        RegistrarCounts {
            desired: state.reconciler.desired(),
            pending: state.reconciler.pending(),
            in_flight: state.reconciler.in_flight(),
            rebuilding: state.reconciler.rebuilding(),
            stale_entries_removed: state.stale_entries_removed,
            entries_repaired: state.entries_repaired,
        }
    }

    /// Removes everything that the node has in the directory: the users' entries, the record, the
    /// listing, and last the lease. Then the registrar stops, and cancels further registrations.
    pub async fn shutdown(&self, within: Duration) -> Result<(), ShutdownTimedOut> {
        self.shared.shutdown(&self.task.0.abort_handle(), within).await
    }
}

/// Stops the registrar when its last handle is dropped.
#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The four loops of the registrar. None of them returns.
async fn run(shared: Arc<RegistrarShared>) {
    tokio::join!(
        lease_keeper::run(&shared),
        worker::run(&shared),
        listing::run(&shared),
        audit::run(&shared),
    );
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
