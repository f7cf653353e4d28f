use std::time::{Duration, Instant};

use tokio::{sync::mpsc, time};
use trunkline_directory::{Location, Registrar};
use trunkline_ops::unix_ms;
use trunkline_protocol::{Incarnation, Name, User, control::ToRelay, status::TraceEvent};

use super::{
    environment::NodeEnvironment, pending_message::PendingMessage, slots::ConnectionSlots,
};
use crate::custody::{Custody, Limits, LookUpFailed, Target};

/// What the data plane of a node starts with.
#[derive(Debug)]
pub(crate) struct DataPlaneSetup {
    pub(crate) name: Name,
    pub(crate) incarnation: Incarnation,
    pub(crate) capacity: u32,
    pub(crate) sessions_per_user: usize,
    /// A session that is silent for this long is pinged.
    pub(crate) ping_interval: Duration,
    pub(crate) limits: Limits,
    pub(crate) registrar: Registrar,
    /// Control messages for the relay.
    pub(crate) outbox: mpsc::Sender<ToRelay>,
}

/// The state behind the handle: custody, and everything around it.
#[derive(Debug)]
pub(crate) struct DataPlaneState {
    pub(super) custody: Custody<PendingMessage>,
    pub(super) env: NodeEnvironment,
    pub(super) slots: ConnectionSlots,
    pub(super) registrar: Registrar,
    pub(super) sessions_per_user: usize,
    pub(super) ping_interval: Duration,
}

/// A turn, and what a turn leaves to do.
impl DataPlaneState {
    pub(super) fn new(setup: DataPlaneSetup) -> Self {
        Self {
            custody: Custody::new(setup.limits),
            env: NodeEnvironment::new(setup.name, setup.incarnation, setup.outbox),
            slots: ConnectionSlots::new(setup.capacity),
            registrar: setup.registrar,
            sessions_per_user: setup.sessions_per_user,
            ping_interval: setup.ping_interval,
        }
    }

    /// Reads the clocks, once for all that follows from one event.
    pub(super) fn begin_turn(&mut self) -> Instant {
        self.env.now_ms = unix_ms();
        self.env.now = time::Instant::now().into_std();
        self.env.now
    }

    /// Gives custody what this node's own sessions have answered, until nothing is left. Custody
    /// cannot take an answer while it is in the call that caused it.
    pub(super) fn run_to_quiescence(&mut self, now: Instant) {
        while let Some(receipt) = self.env.next_local_receipt() {
            self.custody.answered(now, &mut self.env, Target::Local, receipt);
        }
    }

    /// Whether a flush has something to do.
    pub(super) fn needs_flush(&self) -> bool {
        self.env.delivery.has_dirty()
            || self.env.look_ups.has_queued()
            || self.env.links.has_unsealed()
    }

    /// Writes each dirty buffer once. What that causes for other sessions is written too. Returns
    /// whether receipts for other nodes wait for something to go with, unless they are due.
    pub(super) fn flush(&mut self, now: Instant, receipts_due: bool) -> bool {
        while self.env.delivery.has_dirty() {
            let (delivery, answer) = self.env.delivery_and_answer();
            delivery.flush_dirty(now, answer);
            self.run_to_quiescence(now);
        }
        self.env.links.flush(receipts_due)
    }

    /// Whether anything can come due in custody.
    pub(super) fn needs_tick(&self) -> bool {
        self.custody.next_tick().is_some()
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.custody.tick(now, &mut self.env);
    }

    /// The users to ask the directory for now. [`Self::looked_up`] has to follow for each.
    pub(super) fn take_look_ups(&mut self) -> Vec<User> {
        self.env.look_ups.take()
    }

    /// The directory has answered; `None` if it could not be asked.
    pub(super) fn looked_up(&mut self, now: Instant, user: &User, found: Option<Vec<Location>>) {
        self.env.look_ups.answered();
        self.env.tracer.record_user(user, now, || match &found {
            None => TraceEvent::NotAnswered,
            Some(found) => {
                TraceEvent::Found { nodes: found.iter().map(|(name, _)| name.clone()).collect() }
            }
        });
        let nodes: Option<Vec<_>> =
            found.map(|found| found.into_iter().map(|(_, incarnation)| incarnation).collect());
        let nodes = nodes.as_deref().ok_or(LookUpFailed);
        self.custody.routed(now, &mut self.env, user, nodes);
    }
}

/// The node as a whole.
impl DataPlaneState {
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.env.node.incarnation()
    }

    /// Starts a new incarnation.
    pub(crate) fn reincarnate(&mut self, incarnation: Incarnation) {
        self.env.node.reincarnate(incarnation);
        self.registrar.reincarnate(incarnation);
    }

    /// Refuses every further connection, because the node is leaving.
    pub(crate) fn close_slots(&mut self) {
        self.slots.close();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.slots.are_closed()
    }

    /// How many connections there are, and how many sends without an outcome.
    pub(crate) fn left(&self) -> (usize, usize) {
        (self.slots.taken(), self.custody.pending())
    }
}
