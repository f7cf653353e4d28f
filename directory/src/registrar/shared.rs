//! What the handle and the four occupations of the registrar's task share. The lock is held for
//! a few map operations at a time, never across an await.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{Notify, oneshot, watch},
    time::Instant,
};
use trunkline_protocol::{Incarnation, Name, User};

use super::{LeaseState, RegistrarCounts, RegistrarStatus, plan::Plan};
use crate::{Directory, EntryError, Fence, Location, NodeRecord};

/// The lease as it was last confirmed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenure {
    pub(super) incarnation: Incarnation,
    pub(super) fence: Fence,
    /// The same end by the node's clock, or a little before: nothing is begun after it.
    pub(super) ends: Instant,
}

/// Where an incarnation is on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// It has not had the lease yet.
    Seeking,
    /// It has the lease, is listed and announced.
    Open(Tenure),
    /// It has had the lease.
    Lost,
}

/// A login that waits for its wish.
#[derive(Debug)]
pub(super) struct Waiter {
    wish: u64,
    answer: oneshot::Sender<Vec<Location>>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) incarnation: Incarnation,
    /// Own incarnations that may still have entries.
    pub(super) former: BTreeSet<Incarnation>,
    pub(super) phase: Phase,
    /// Until then a user whom Redis does not know may be one of a node that has yet to register it
    /// again. `None` while the incarnation has not had the lease.
    pub(super) doubts_until: Option<Instant>,
    pub(super) plan: Plan,
    /// The incarnation that the plan's confirmations are about.
    pub(super) planned_for: Incarnation,
    pub(super) waiters: HashMap<User, Vec<Waiter>>,
    pub(super) closing: bool,
    /// Commands come too late, and the log says so already.
    pub(super) late: bool,
    pub(super) stale_entries_removed: u64,
    pub(super) entries_repaired: u64,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: Directory,
    pub(super) node: Name,
    card: NodeRecord,
    state: Mutex<State>,
    standing: watch::Sender<RegistrarStatus>,
    /// There may be something to do for the worker.
    pub(super) work: Notify,
    /// The keeper of the lease must not wait for its next turn.
    pub(super) keep: Notify,
    /// An incarnation has got its lease.
    pub(super) opened: Notify,
    /// An operation has ended.
    pub(super) settled: Notify,
}

impl Shared {
    pub(super) fn new(directory: Directory, node: Name, card: NodeRecord) -> Self {
        let incarnation = card.incarnation;
        let standing = RegistrarStatus {
            incarnation,
            lease: LeaseState::Seeking,
            redis_away: false,
            rebuilding: false,
        };
        Self {
            directory,
            node,
            card,
            state: Mutex::new(State::new(incarnation)),
            standing: watch::Sender::new(standing),
            work: Notify::new(),
            keep: Notify::new(),
            opened: Notify::new(),
            settled: Notify::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(&self, user: &User) -> oneshot::Receiver<Vec<Location>> {
        let (answer, registration) = oneshot::channel();
        let mut state = self.lock();
        if !state.closing {
            let wish = state.plan.register(user, unix_ms(), Instant::now());
            let waiters = state.waiters.entry(user.clone()).or_default();
            waiters.retain(|waiter| !waiter.answer.is_closed());
            waiters.push(Waiter { wish, answer });
            self.work.notify_one();
        }
        registration
    }

    pub(super) fn deregister(&self, user: &User) {
        let mut state = self.lock();
        state.plan.deregister(user, Instant::now());
        state.waiters.remove(user);
        self.work.notify_one();
    }

    pub(super) fn report_stale(&self, user: &User) {
        self.lock().plan.remove_ghost(user, unix_ms(), Instant::now());
        self.work.notify_one();
    }

    pub(super) fn reincarnate(&self, incarnation: Incarnation) {
        let mut state = self.lock();
        if state.incarnation == incarnation {
            return;
        }
        let former = std::mem::replace(&mut state.incarnation, incarnation);
        state.former.insert(former);
        (state.phase, state.doubts_until) = (Phase::Seeking, None);
        drop(state);
        self.publish(|standing| {
            standing.incarnation = incarnation;
            standing.lease = LeaseState::Seeking;
        });
        self.keep.notify_one();
    }

    pub(super) fn status(&self) -> watch::Receiver<RegistrarStatus> {
        self.standing.subscribe()
    }

    /// Changes what the node is told, if it is a change.
    pub(super) fn publish(&self, change: impl FnOnce(&mut RegistrarStatus)) {
        self.standing.send_if_modified(|standing| {
            let before = *standing;
            change(standing);
            *standing != before
        });
    }

    pub(super) fn counts(&self) -> RegistrarCounts {
        let state = self.lock();
        RegistrarCounts {
            wanted: state.plan.wanted(),
            pending: state.plan.pending(),
            in_flight: state.plan.in_flight(),
            rebuilding: state.plan.rebuilding(),
            stale_entries_removed: state.stale_entries_removed,
            entries_repaired: state.entries_repaired,
        }
    }

    /// The lease, while it is certain that it has not ended.
    pub(super) fn tenure(&self) -> Option<Tenure> {
        self.lock().tenure(Instant::now())
    }

    /// The card of an incarnation of the node.
    pub(super) fn card(&self, incarnation: Incarnation) -> NodeRecord {
        NodeRecord { incarnation, ..self.card.clone() }
    }
}

impl State {
    fn new(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            former: BTreeSet::new(),
            phase: Phase::Seeking,
            doubts_until: None,
            plan: Plan::default(),
            planned_for: incarnation,
            waiters: HashMap::new(),
            closing: false,
            late: false,
            stale_entries_removed: 0,
            entries_repaired: 0,
        }
    }

    pub(super) fn tenure(&self, now: Instant) -> Option<Tenure> {
        match self.phase {
            Phase::Open(tenure) if now < tenure.ends && !self.closing => Some(tenure),
            _ => None,
        }
    }

    /// Says once that commands come too late, and not again before an operation has succeeded. What
    /// is wrong with Redis itself is logged where it is called.
    pub(super) fn log_first_late(&mut self, failure: Option<&EntryError>) {
        let late = matches!(failure, Some(EntryError::LeaseOver { .. }));
        if let Some(error) = failure
            && late
            && !self.late
        {
            tracing::warn!(%error, "an entry could not be changed; it is tried again");
        }
        self.late = late || (self.late && failure.is_some());
    }

    /// Tells the logins whose wish is fulfilled.
    pub(super) fn answer(&mut self, user: &User, wish: u64, others: &[Location]) {
        let Some(waiters) = self.waiters.remove(user) else { return };
        let (fulfilled, waiting): (Vec<_>, Vec<_>) =
            waiters.into_iter().partition(|waiter| waiter.wish <= wish);
        for waiter in fulfilled {
            // A login that has given up is no error.
            let _ = waiter.answer.send(others.to_vec());
        }
        if !waiting.is_empty() {
            self.waiters.insert(user.clone(), waiting);
        }
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
