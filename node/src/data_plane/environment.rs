use std::time::Instant;

use tokio::sync::mpsc;
use trunkline_protocol::{
    Incarnation, Name, User, client, control::ToRelay, lane::Message, status::TraceEvent,
};

use super::{
    delivery::{Delivery, MessageOrigin},
    identity::NodeIdentity,
    links::Links,
    look_ups::LookUps,
    membership::ClusterMembership,
    metrics::Metrics,
    pending_message::{MessagePool, PendingMessage, Sender},
    tracer::Tracer,
};
use crate::custody::{Environment, Forwarded, LocalDelivery, OutcomeReport};

/// Everything around custody, and custody's view of it. What is written here waits for the next
/// flush.
#[derive(Debug)]
pub(crate) struct NodeEnvironment {
    pub(super) node: NodeIdentity,
    pub(crate) delivery: Delivery,
    pub(super) links: Links,
    pub(super) look_ups: LookUps,
    pub(super) membership: ClusterMembership,
    pub(super) metrics: Metrics,
    pub(super) tracer: Tracer,
    pub(super) messages: MessagePool,
    /// When the current turn, or the last one, began.
    pub(super) now: Instant,
    /// The same in Unix milliseconds.
    pub(super) now_ms: u64,
}

impl NodeEnvironment {
    pub(super) fn new(name: Name, incarnation: Incarnation, outbox: mpsc::Sender<ToRelay>) -> Self {
        Self {
            node: NodeIdentity::new(name, incarnation),
            delivery: Delivery::default(),
            links: Links::new(incarnation),
            look_ups: LookUps::default(),
            membership: ClusterMembership::default(),
            metrics: Metrics::default(),
            tracer: Tracer::new(outbox),
            messages: MessagePool::default(),
            now: Instant::now(),
            now_ms: 0,
        }
    }
}

impl Environment<PendingMessage> for NodeEnvironment {
    fn is_here(&self, incarnation: Incarnation) -> bool {
        self.node.is_own(incarnation)
    }

    fn deliver_here(&mut self, seq: u64, to: &User, message: &PendingMessage) -> LocalDelivery {
        let keys = self.delivery.sessions.of(to.as_str());
        if keys.is_empty() {
            return LocalDelivery::Nobody;
        }
        let sessions = keys.len() as u32;
        self.tracer
            .record(MessageOrigin::Local, seq, self.now, |_| TraceEvent::Arrived { sessions });
        let message = Message::decode(&mut message.frame()).expect("it was encoded here");
        self.delivery.deliver(&keys, MessageOrigin::Local, &self.node.id_prefix, &message, false)
    }

    fn forward(&mut self, node: Incarnation, seq: u64, message: &PendingMessage) -> Forwarded {
        let (lane, traced) = (message.lane.into(), message.is_traced());
        let forwarded = self.links.message(lane, node, seq, message.frame(), traced);
        self.tracer.record_forward(seq, self.now, node, forwarded);
        forwarded
    }

    fn look_up(&mut self, user: &User) {
        self.tracer.record_user(user, self.now, || TraceEvent::Asked);
        self.look_ups.push(user.clone());
    }

    fn rebuilding(&self) -> bool {
        self.membership.is_rebuilding(self.now)
    }

    fn report(&mut self, report: OutcomeReport<'_, PendingMessage>) {
        let OutcomeReport { seq, message, outcome, missed } = report;
        let took = self.now.saturating_duration_since(message.accepted_at);
        self.metrics.ended(outcome, took);
        let reported = match message.sender {
            Sender::Session(key) => {
                let ids = self.node.id_prefix;
                self.delivery.write_receipt(key, message.charge(), |out| {
                    client::receipt(out, message.id(), (&ids, seq), outcome, missed);
                })
            }
            Sender::Probe(_) => self.tracer.finish_probe(seq, self.now, outcome, missed),
        };
        self.metrics.unreported += u64::from(!reported);
    }

    fn recycle(&mut self, message: PendingMessage) {
        self.messages.recycle(message);
    }
}
