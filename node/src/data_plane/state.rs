use std::time::{Duration, Instant};

use tokio::{sync::mpsc, time};
use trunkline_directory::{Location, Registrar};
use trunkline_ops::unix_ms;
use trunkline_protocol::{
    Incarnation, Name, User,
    client::close,
    control::ToRelay,
    lane::Message,
    status::{NodeLoad, TraceEvent},
};

use super::{
    delivery::MessageOrigin,
    environment::NodeEnvironment,
    pending_message::{PendingMessage, Sender},
    replacements::Replacements,
    slots::ConnectionSlots,
};
use crate::custody::{Custody, Limits, LookUpFailed, Target};

/// The body of a test message.
const PROBE_BODY: &[u8] = br#"{"trunkline":"a test message"}"#;

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
    pub(crate) env: NodeEnvironment,
    pub(crate) slots: ConnectionSlots,
    pub(super) registrar: Registrar,
    pub(super) replacements: Replacements,
    pub(super) sessions_per_user: usize,
    pub(super) ping_interval: Duration,
}

/// A turn, and what a turn leaves to do.
impl DataPlaneState {
    pub(super) fn new(setup: DataPlaneSetup) -> Self {
        Self {
            custody: Custody::new(setup.limits),
            env: NodeEnvironment::new(setup.name, setup.incarnation, setup.outbox),
            slots: ConnectionSlots::new(setup.capacity as usize),
            registrar: setup.registrar,
            replacements: Replacements::default(),
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

    /// Gives the receipts of this node's own sessions to custody here, or to the node that has
    /// custody, until none is left. Custody cannot take one while it is in the call that caused it.
    pub(super) fn run_to_quiescence(&mut self, now: Instant) {
        while let Some((origin, receipt)) = self.env.delivery.receipts.pop_front() {
            let traced = self.env.tracer.answered(origin, receipt, now);
            match origin {
                MessageOrigin::Local => {
                    self.custody.answered(now, &mut self.env, Target::Local, receipt);
                }
                MessageOrigin::Remote(node) => self.env.links.receipt(node, receipt, traced),
            }
        }
    }

    /// Whether a flush has something to do.
    pub(super) fn needs_flush(&self) -> bool {
        self.env.delivery.has_dirty()
            || self.env.look_ups.has_queued()
            || self.env.links.has_unsealed()
            || !self.replacements.is_empty()
    }

    /// Writes each dirty buffer once. What that causes for other sessions is written too. Returns
    /// whether receipts for other nodes wait for something to go with, unless they are due.
    pub(super) fn flush(&mut self, now: Instant, receipts_due: bool) -> bool {
        while self.env.delivery.has_dirty() {
            self.env.delivery.flush_dirty(now);
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

    /// Starts a new incarnation. Returns the former one.
    pub(crate) fn reincarnate(&mut self, incarnation: Incarnation) -> Incarnation {
        self.registrar.reincarnate(incarnation);
        self.env.node.reincarnate(incarnation)
    }

    /// How many connections there are, and how many sends without an outcome.
    pub(crate) fn left(&self) -> (usize, usize) {
        (self.slots.taken(), self.custody.pending())
    }
    /// The load report for the relay and the metrics. Its latencies are those since the last call.
    pub(crate) fn load(&mut self) -> NodeLoad {
        let Self { custody, env, slots, registrar, .. } = self;
        let (delivery, links) = (&env.delivery.counts, &env.links.counts);
        let status = *registrar.status().borrow();
        NodeLoad {
            sessions: env.delivery.sessions.logged_in as u32,
            slots: slots.taken() as u32,
            users: env.delivery.sessions.users() as u32,
            rebuilding: status.rebuilding,
            redis: !status.redis_away,
            redis_trouble: registrar.trouble(),
            accepted: env.metrics.accepted,
            delivered_locally: delivery.taken_local,
            delivered_from_links: delivery.taken_remote,
            outcomes: env.metrics.outcomes,
            unreported: env.metrics.unreported,
            pending: custody.pending() as u32,
            pending_bytes: custody.pending_bytes() as u64,
            lane_bytes: env.links.queued_bytes() as u64,
            session_bytes: env.delivery.sessions.queued_bytes() as u64,
            receipts_dropped: links.receipts_dropped,
            refused_full: delivery.refused_full + links.refused_full,
            ended_slow: delivery.ended_slow,
            session_panics: env.metrics.session_panics,
            refused_slots: slots.refused(),
            look_ups: env.look_ups.total,
            stale_entries: registrar.counts().stale_entries_removed,
            latency: env.metrics.take_latencies(),
            failure_latency: env.metrics.take_failure_latencies(),
            ..NodeLoad::default()
        }
    }
    /// Sends a user a test message, and traces it. `number` is the operator's for it.
    pub(crate) fn send_probe(&mut self, now: Instant, number: u64, to: &User, from: &User) {
        let seq = self.custody.next_seq();
        let message = Message {
            seq,
            traced: true,
            sent_at_ms: self.env.now_ms,
            to: to.as_str(),
            from: from.as_str(),
            body: PROBE_BODY,
        };
        let sender = Sender::Probe(number as u32);
        let pending = self.env.messages.write(sender, now, "", &message);
        self.env.metrics.accepted += 1;
        let traced = self.env.node.traced(seq);
        self.env.tracer.start_probe(number, to, traced, now);
        self.custody.accept(now, &mut self.env, to.as_str(), pending);
    }

    /// Ends every session of a user. Returns how many there were.
    pub(crate) fn end_user(&mut self, user: &User) -> usize {
        let sessions = self.env.delivery.sessions.of(user.as_str());
        for &key in &sessions {
            self.end_session(key, close::ENDED, "ended by an operator");
        }
        sessions.len()
    }
}
