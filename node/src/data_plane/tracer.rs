//! The trace sink: reports the hops of an operator's test messages to the relay.
//!
//! It traces the probes that were accepted here, and the messages of other nodes that carry the
//! trace flag. Almost always there are none, and then each call on the data path ends at the check
//! of an empty list.

use std::time::Instant;

use hashbrown::HashMap;
use tokio::sync::mpsc;
use trunkline_protocol::{
    Incarnation, Name, Outcome, User,
    control::{Member, ToRelay, TracedMessage},
    lane::Receipt,
    status::TraceEvent,
};

use super::delivery::MessageOrigin;
use crate::{custody::Forwarded, defaults::TRACED_MAX};

/// Reports to the relay what happens to the messages that are traced.
#[derive(Debug)]
pub(super) struct Tracer {
    outbox: mpsc::Sender<ToRelay>,
    traces: Vec<Trace>,
    /// The names of the nodes.
    names: HashMap<Incarnation, Name>,
}

/// A message that is traced here.
#[derive(Debug)]
struct Trace {
    origin: MessageOrigin,
    message: TracedMessage,
    since: Instant,
    /// The operator's number for it and its recipient, if it was accepted here.
    probe: Option<(u64, User)>,
}

impl Trace {
    fn is(&self, origin: MessageOrigin, seq: u64) -> bool {
        self.message.seq == seq && self.origin == origin
    }
}

impl Tracer {
    /// Traces nothing yet. `outbox` goes to the relay.
    pub(super) fn new(outbox: mpsc::Sender<ToRelay>) -> Self {
        Self { outbox, traces: Vec::new(), names: HashMap::new() }
    }

    /// Remembers the names of the nodes.
    pub(super) fn set_names(&mut self, members: &[Member]) {
        self.names.clear();
        self.names.extend(members.iter().map(|member| (member.incarnation, member.name.clone())));
    }

    /// The link is lost, and with it the operator who asked.
    pub(super) fn stop_all(&mut self) {
        self.traces.clear();
    }

    /// A probe is about to be accepted here.
    pub(super) fn start_probe(
        &mut self,
        number: u64,
        to: &User,
        message: TracedMessage,
        now: Instant,
    ) {
        let probe = Some((number, to.clone()));
        self.traces.push(Trace { origin: MessageOrigin::Local, message, since: now, probe });
        self.record(MessageOrigin::Local, message.seq, now, |_| TraceEvent::Accepted);
    }

    /// A message with the trace flag has come from another node.
    pub(super) fn start_visit(
        &mut self,
        origin: MessageOrigin,
        message: TracedMessage,
        now: Instant,
        sessions: usize,
    ) {
        let visits = self.traces.iter().filter(|trace| trace.probe.is_none());
        if visits.count() >= TRACED_MAX {
            let oldest = self.traces.iter().position(|trace| trace.probe.is_none());
            oldest.map(|at| self.traces.remove(at));
        }
        self.traces.push(Trace { origin, message, since: now, probe: None });
        self.record(origin, message.seq, now, |_| TraceEvent::Arrived {
            sessions: sessions as u32,
        });
    }

    /// Records an event of one message, if it is traced.
    #[inline]
    pub(super) fn record(
        &self,
        origin: MessageOrigin,
        seq: u64,
        now: Instant,
        event: impl Fn(&Self) -> TraceEvent,
    ) {
        self.record_where(now, |trace| trace.is(origin, seq), event);
    }

    /// Records an event of every probe to `user`.
    #[inline]
    pub(super) fn record_user(&self, user: &User, now: Instant, event: impl Fn() -> TraceEvent) {
        let is_to = |trace: &Trace| trace.probe.as_ref().is_some_and(|(_, to)| to == user);
        self.record_where(now, is_to, |_| event());
    }

    /// A message went into a batch for `node`, or found no room there.
    #[inline]
    pub(super) fn record_forward(&self, seq: u64, now: Instant, node: Incarnation, how: Forwarded) {
        self.record(MessageOrigin::Local, seq, now, |tracer| {
            let to = tracer.name_of(node);
            match how {
                Forwarded::InBatch { lane, .. } => TraceEvent::Batched { to, lane },
                Forwarded::Full => TraceEvent::LaneFull { to },
                Forwarded::NoLink => TraceEvent::NoLink { to },
            }
        });
    }

    /// Receipts or a refusal came back from `node` for those messages of this node that are among
    /// `seqs`.
    pub(super) fn record_return(
        &self,
        node: Incarnation,
        now: Instant,
        seqs: impl Fn(u64) -> bool,
    ) {
        let is_among = |trace: &Trace| trace.probe.is_some() && seqs(trace.message.seq);
        self.record_where(now, is_among, |tracer| TraceEvent::CameBack {
            from: tracer.name_of(node),
        });
    }

    /// This node's sessions have answered for a message. Returns whether its receipt goes to another
    /// node and is to carry the trace flag.
    #[inline]
    pub(super) fn answered(
        &mut self,
        origin: MessageOrigin,
        receipt: Receipt,
        now: Instant,
    ) -> bool {
        if self.traces.is_empty() {
            return false;
        }
        let Receipt { seq, status, missed, .. } = receipt;
        self.record(origin, seq, now, |_| TraceEvent::Answered { status, missed });
        let is_visit = |trace: &Trace| trace.probe.is_none() && trace.is(origin, seq);
        let Some(at) = self.traces.iter().position(is_visit) else { return false };
        self.traces.remove(at);
        true
    }

    /// A probe has come to its outcome. Returns whether it could be reported.
    pub(super) fn finish_probe(
        &mut self,
        seq: u64,
        now: Instant,
        outcome: Outcome,
        missed: u32,
    ) -> bool {
        let is_it = |trace: &Trace| trace.probe.is_some() && trace.message.seq == seq;
        let Some(at) = self.traces.iter().position(is_it) else { return false };
        let Trace { message, since, probe, .. } = self.traces.remove(at);
        let Some((test, _)) = probe else { return false };
        let took_us = micros(since, now);
        self.outbox.try_send(ToRelay::Tested { test, message, took_us, outcome, missed }).is_ok()
    }

    fn record_where(
        &self,
        now: Instant,
        is_it: impl Fn(&Trace) -> bool,
        event: impl Fn(&Self) -> TraceEvent,
    ) {
        for trace in self.traces.iter().filter(|trace| is_it(trace)) {
            let (message, after_us) = (trace.message, micros(trace.since, now));
            // A hop that finds the outbox full is missing from the trace: delivery does not wait.
            let _ = self.outbox.try_send(ToRelay::Traced { message, after_us, what: event(self) });
        }
    }

    /// A node's name; or, while the relay has not said it, its incarnation in the form of one.
    fn name_of(&self, node: Incarnation) -> Name {
        let named = self.names.get(&node).cloned();
        named.unwrap_or_else(|| {
            let name = node.to_string().to_lowercase().parse();
            name.expect("an incarnation has the letters of a name")
        })
    }
}

fn micros(since: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(since).as_micros() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use trunkline_protocol::lane::ReceiptStatus;

    use super::*;
    use crate::custody::RelayLinkId;

    fn node() -> Incarnation {
        Incarnation::from_bytes([7; 16])
    }

    fn tracer() -> (Tracer, mpsc::Receiver<ToRelay>) {
        let (outbox, reported) = mpsc::channel(2 * TRACED_MAX);
        (Tracer::new(outbox), reported)
    }

    fn message(seq: u64) -> TracedMessage {
        TracedMessage { id_incarnation: Incarnation::from_bytes([1; 16]), seq }
    }

    fn taken(seq: u64) -> Receipt {
        Receipt { seq, status: ReceiptStatus::Taken, route_stale: false, missed: 0 }
    }

    fn events(reported: &mut mpsc::Receiver<ToRelay>) -> Vec<(u64, TraceEvent)> {
        std::iter::from_fn(|| reported.try_recv().ok())
            .map(|reported| match reported {
                ToRelay::Traced { after_us, what, .. } => (after_us, what),
                other => panic!("no hop: {other:?}"),
            })
            .collect()
    }

    #[test]
    fn untraced_messages_report_nothing() {
        let (mut tracer, mut reported) = tracer();
        let now = Instant::now();
        tracer.record(MessageOrigin::Local, 1, now, |_| panic!("the event is not even made"));
        assert!(!tracer.answered(MessageOrigin::Remote(node()), taken(1), now));
        assert!(!tracer.finish_probe(1, now, Outcome::Delivered, 0));
        assert!(reported.try_recv().is_err());
    }

    #[test]
    fn probe_is_traced_from_accept_to_outcome() {
        let (mut tracer, mut reported) = tracer();
        let (now, bob) = (Instant::now(), "bob".parse().unwrap());
        let later = now + Duration::from_micros(30);
        tracer.start_probe(5, &bob, message(1), now);
        tracer.record_user(&bob, later, || TraceEvent::Asked);
        tracer.record_user(&"eve".parse().unwrap(), later, || panic!("another recipient"));
        tracer.record_forward(
            1,
            later,
            node(),
            Forwarded::InBatch { link: RelayLinkId::default(), lane: 2, batch: 9 },
        );
        tracer.record_return(node(), later, |seq| seq == 1);
        let name: Name = node().to_string().to_lowercase().parse().unwrap();
        let expected = [
            (0, TraceEvent::Accepted),
            (30, TraceEvent::Asked),
            (30, TraceEvent::Batched { to: name.clone(), lane: 2 }),
            (30, TraceEvent::CameBack { from: name }),
        ];
        assert_eq!(events(&mut reported), expected);

        assert!(tracer.finish_probe(1, later, Outcome::Delivered, 0));
        let outcome = Outcome::Delivered;
        let tested =
            ToRelay::Tested { test: 5, message: message(1), took_us: 30, outcome, missed: 0 };
        assert_eq!(reported.try_recv().unwrap(), tested);
        assert!(!tracer.finish_probe(1, later, outcome, 0), "a probe ends once");
    }

    #[test]
    fn visit_ends_with_its_answer() {
        let (mut tracer, mut reported) = tracer();
        let now = Instant::now();
        tracer.start_visit(MessageOrigin::Remote(node()), message(1), now, 2);
        assert!(!tracer.answered(MessageOrigin::Local, taken(1), now), "another message's number");
        assert!(tracer.answered(MessageOrigin::Remote(node()), taken(1), now));
        assert!(!tracer.answered(MessageOrigin::Remote(node()), taken(1), now));
        let answered = TraceEvent::Answered { status: ReceiptStatus::Taken, missed: 0 };
        let arrived = TraceEvent::Arrived { sessions: 2 };
        assert_eq!(events(&mut reported), [(0, arrived), (0, answered)]);
    }

    #[test]
    fn visits_are_bounded_and_push_out_no_probe() {
        let (mut tracer, _told) = tracer();
        let now = Instant::now();
        tracer.start_probe(5, &"bob".parse().unwrap(), message(0), now);
        for seq in 1..=TRACED_MAX as u64 + 1 {
            tracer.start_visit(MessageOrigin::Remote(node()), message(seq), now, 1);
        }
        assert_eq!(tracer.traces.len(), 1 + TRACED_MAX);
        assert!(
            !tracer.answered(MessageOrigin::Remote(node()), taken(1), now),
            "the oldest is forgotten"
        );
        assert!(tracer.answered(MessageOrigin::Remote(node()), taken(2), now));
        tracer.stop_all();
        assert!(!tracer.finish_probe(0, now, Outcome::Delivered, 0));
    }
}
