//! Delivery tests: messages that an admin sends through a node, traced to their outcome.

mod timeline;

use std::collections::VecDeque;

use hashbrown::HashMap;
use tokio::sync::oneshot;
use trunkline_protocol::{
    Incarnation, MessageId, Name, Outcome,
    control::TracedMessage,
    status::{Trace, TraceEvent},
};

use crate::{
    defaults::{TESTS_MAX, TRACE_EVENTS_MAX},
    liveness::LinkId,
    switch::{HopKind, HopLog, SwitchHop},
};
use timeline::{RelayHop, TimedEvent, Timeline};

/// The running delivery tests, and what nodes reported about traced messages.
#[derive(Debug, Default)]
pub(crate) struct DeliveryTracer {
    last_test: u64,
    running: HashMap<u64, RunningTest>,
    reports: VecDeque<NodeReport>,
}

/// A test whose trace is still needed.
#[derive(Debug)]
struct RunningTest {
    link: LinkId,
    /// `None` when the outcome was reported.
    outcome: Option<oneshot::Sender<TestOutcome>>,
}

/// What became of a test message.
#[derive(Debug)]
pub(crate) struct TestOutcome {
    pub(crate) message: TracedMessage,
    pub(crate) took_us: u64,
    pub(crate) outcome: Outcome,
    /// How many of the recipient's sessions did not get it although others did.
    pub(crate) missed: u32,
}

/// The node that accepted a test message.
#[derive(Clone, Debug)]
pub(crate) struct TestOrigin {
    pub(crate) name: Name,
    /// Its incarnation when the test began.
    pub(crate) incarnation: Incarnation,
}

#[derive(Debug)]
struct NodeReport {
    message: TracedMessage,
    at: Name,
    event: TimedEvent,
}

impl DeliveryTracer {
    /// Starts a test on a link; returns its number and where its outcome arrives. `None` if
    /// [`TESTS_MAX`] tests are running.
    pub(crate) fn begin(&mut self, link: LinkId) -> Option<(u64, oneshot::Receiver<TestOutcome>)> {
        if self.running.len() == TESTS_MAX {
            return None;
        }
        self.last_test += 1;
        let (outcome, reported) = oneshot::channel();
        self.running.insert(self.last_test, RunningTest { link, outcome: Some(outcome) });
        Some((self.last_test, reported))
    }

    /// Forgets a test.
    pub(crate) fn end(&mut self, test: u64) {
        self.running.remove(&test);
        if self.running.is_empty() {
            self.reports.clear();
        }
    }

    /// Fails the tests whose node has lost its link: their outcome will not be reported.
    pub(crate) fn link_lost(&mut self, link: LinkId) {
        let of_link = self.running.values_mut().filter(|test| test.link == link);
        of_link.for_each(|test| test.outcome = None);
    }

    /// A node reports an event of a traced message. Events are kept only while a test is running.
    pub(crate) fn event_reported(
        &mut self,
        at: Name,
        message: TracedMessage,
        after_us: u64,
        what: TraceEvent,
    ) {
        if self.running.is_empty() {
            return;
        }
        if self.reports.len() == TRACE_EVENTS_MAX {
            self.reports.pop_front();
        }
        self.reports.push_back(NodeReport { message, at, event: TimedEvent { after_us, what } });
    }

    /// A node reports the outcome of a test message.
    pub(crate) fn outcome_reported(&mut self, test: u64, outcome: TestOutcome) {
        if let Some(sender) = self.running.get_mut(&test).and_then(|test| test.outcome.take()) {
            // The test may have timed out.
            let _ = sender.send(outcome);
        }
    }

    /// Whether every node whose receipt passed the switch has reported that it answered.
    pub(crate) fn is_complete(
        &self,
        origin: &TestOrigin,
        message: TracedMessage,
        hops: &HopLog,
    ) -> bool {
        let hops = hops.iter().filter(|hop| is_hop_of(hop, origin, message));
        let receipts = hops.filter(|hop| hop.kind == HopKind::ReceiptForwarded).count();
        let others = self.reports_of(message).filter(|report| report.at != origin.name);
        let is_answer =
            |report: &&NodeReport| matches!(report.event.what, TraceEvent::Answered { .. });
        others.filter(is_answer).count() >= receipts
    }

    /// The trace of a test message, as far as it was reported.
    pub(crate) fn trace(
        &self,
        origin: &TestOrigin,
        relay: &Name,
        outcome: &TestOutcome,
        hops: &HopLog,
        names: &HashMap<Incarnation, Name>,
    ) -> Trace {
        let TestOutcome { message, took_us, outcome, missed } = *outcome;
        let relay_hop = |hop: &SwitchHop| {
            let node = if hop.kind == HopKind::ReceiptForwarded { hop.from } else { hop.to };
            Some(RelayHop { at: hop.at, node: names.get(&node)?.clone(), kind: hop.kind })
        };
        let (own, others): (Vec<_>, Vec<_>) =
            self.reports_of(message).partition(|report| report.at == origin.name);
        let timeline = Timeline {
            origin: &origin.name,
            relay,
            relay_hops: hops
                .iter()
                .filter(|hop| is_hop_of(hop, origin, message))
                .filter_map(relay_hop)
                .collect(),
            others: others.iter().map(|report| (report.at.clone(), report.event.clone())).collect(),
        };
        let own: Vec<_> = own.iter().map(|report| report.event.clone()).collect();
        Trace {
            message: MessageId { origin: message.id_incarnation, seq: message.seq }.to_string(),
            from: origin.name.clone(),
            outcome,
            missed,
            took_us,
            hops: timeline.hops(&own),
        }
    }

    fn reports_of(&self, message: TracedMessage) -> impl Iterator<Item = &NodeReport> {
        self.reports.iter().filter(move |report| report.message == message)
    }
}

/// Whether the message, or a receipt for it, is in the batch. A receipt names its message by number
/// alone: whose message it is follows from the node that it goes to.
fn is_hop_of(hop: &SwitchHop, origin: &TestOrigin, message: TracedMessage) -> bool {
    let is_same = match hop.kind {
        HopKind::ReceiptForwarded => hop.to == origin.incarnation,
        _ => hop.id_incarnation == message.id_incarnation,
    };
    is_same && hop.seqs.contains(&message.seq)
}
