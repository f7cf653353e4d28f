//! Keeps the directory true about one node: what the node wants is brought about in Redis, one
//! operation per user at a time, repeated until it is confirmed, and looked after for good.

mod audit;
mod lease_keeper;
mod listing;
mod look_up;
mod plan;
mod shared;
mod shutdown;
mod worker;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use thiserror::Error;
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};
use trunkline_protocol::{Incarnation, Name, User};

use crate::{Directory, Location, LookUpError, NodeRecord};
use shared::Shared;

/// How a node stands with the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrarStatus {
    /// The incarnation that is spoken for.
    pub incarnation: Incarnation,
    /// Whether it has the node's lease.
    pub lease: LeaseState,
    /// The last attempt to reach Redis failed.
    pub redis_away: bool,
    /// Not all users are in the directory again: the lease was lost, and either no new
    /// incarnation has it yet, or users are still being registered under it.
    pub rebuilding: bool,
}

/// Whether an incarnation has the node's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// It has not had it yet.
    Seeking,
    /// It has it: users are being registered.
    Held,
    /// Another process, living or just dead, has it. The attempts go on: a dead one's ends within
    /// [`crate::defaults::LEASE_TTL`].
    Foreign {
        /// Its incarnation; `None` if what stands there is none.
        holder: Option<Incarnation>,
    },
    /// It had it and has lost it, for good: the node has to take a new incarnation
    /// ([`Registrar::reincarnate`]).
    Lost {
        /// Who has it now, if anyone.
        holder: Option<Incarnation>,
    },
}

/// Numbers about a node's entries in the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistrarCounts {
    /// Users that the node wants to have an entry.
    pub wanted: usize,
    /// Users about whom something is still to be said, or said again to be sure.
    pub pending: usize,
    /// Operations under way; at most [`crate::defaults::OPERATIONS_IN_FLIGHT_MAX`].
    pub in_flight: usize,
    /// Users that are still to be registered under the newest incarnation.
    pub rebuilding: usize,
    /// Entries without a session that were found and removed, since the start.
    pub stale_entries_removed: u64,
    /// Entries that the audit has found missing or wrong, and mended, since the start.
    pub entries_repaired: u64,
}

/// Waits until a wish is in the directory; gives the user's other nodes. Waits for as long as it
/// takes, so bound it; dropping it does not take the wish back.
#[derive(Debug)]
#[must_use = "a registration is only known to be made once this was awaited"]
pub struct Registration(oneshot::Receiver<Vec<Location>>);

/// The wish was taken back, or the registrar was shut down, before the wish was in the directory.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the registration was withdrawn before it was confirmed")]
pub struct Withdrawn;

/// A shutdown ended before all was taken back. The relay removes the rest.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the directory could not be cleared within {} ms; the relay will do it", .within.as_millis())]
pub struct Unfinished {
    /// How long it had.
    pub within: Duration,
}

/// The handle. Cheap to clone; the work ends with the last one.
#[derive(Clone, Debug)]
pub struct Registrar {
    shared: Arc<Shared>,
    task: Arc<Task>,
}

impl Registrar {
    /// Starts to speak for `node` in the incarnation that the card names, on the current tokio
    /// runtime. Redis may come later.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(directory: Directory, node: Name, card: NodeRecord) -> Self {
        let shared = Arc::new(Shared::new(directory, node, card));
        let task = tokio::spawn(run(Arc::clone(&shared)));
        Self { shared, task: Arc::new(Task(task)) }
    }

    /// Wishes that `user` has an entry. Never blocks; the wish stands until it is taken back.
    ///
    /// To be called for each login, also of a user who has other sessions here: each time, the
    /// user's other nodes are asked for anew.
    pub fn register(&self, user: &User) -> Registration {
        Registration(self.shared.register(user))
    }

    /// Wishes that `user` has no entry, once the last session has ended. Never blocks.
    pub fn deregister(&self, user: &User) {
        self.shared.deregister(user);
    }

    /// Someone was sent here for a user who has no session here. Makes sure that the directory
    /// does not say so, unless the user is wanted or being removed already. Never blocks.
    ///
    /// The audit finds such entries by the node's index. This finds those that a failover of Redis
    /// has left without their place in the index.
    pub fn report_stale(&self, user: &User) {
        self.shared.report_stale(user);
    }

    /// Goes on under a new incarnation, the answer to [`LeaseState::Lost`]: takes the lease for
    /// it, lists it, announces it, registers all wanted users, and purges the former one last.
    /// Nothing happens if that incarnation is spoken for already.
    pub fn reincarnate(&self, incarnation: Incarnation) {
        self.shared.reincarnate(incarnation);
    }

    /// The nodes on which `user` has a session; empty if there surely is none.
    ///
    /// # Errors
    /// If Redis does not answer, or if it may have been emptied and not all nodes have registered
    /// their users again.
    pub async fn look_up(&self, user: &User) -> Result<Vec<Location>, LookUpError> {
        look_up::look_up(&self.shared, user).await
    }

    /// How the node stands, now and from now on. A slow reader sees the latest only.
    pub fn status(&self) -> watch::Receiver<RegistrarStatus> {
        self.shared.status()
    }

    /// What is wrong with Redis, see [`Directory::trouble`].
    pub fn trouble(&self) -> Option<String> {
        self.shared.directory.trouble()
    }

    /// The numbers as they are now.
    pub fn counts(&self) -> RegistrarCounts {
        self.shared.counts()
    }

    /// Takes everything back: the users' entries, the card, the listing, and last the lease.
    /// Afterwards nothing is said any more, and wishes are withdrawn at once.
    pub async fn shutdown(&self, within: Duration) -> Result<(), Unfinished> {
        self.shared.shutdown(&self.task, within).await
    }
}

impl Future for Registration {
    type Output = Result<Vec<Location>, Withdrawn>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| Withdrawn)
    }
}

/// Ends the work when the last handle is dropped.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Four occupations of one task; none of them ends by itself.
async fn run(shared: Arc<Shared>) {
    tokio::join!(
        lease_keeper::keep(&shared),
        worker::work(&shared),
        listing::look_after(&shared),
        audit::look_after(&shared),
    );
}
