//! The state and its effects, without a connection.

use std::{
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use quinn::PathStats;
use tokio::sync::mpsc;
use trunkline_protocol::{
    Incarnation, Name,
    control::{CONTROL_VERSION, Hello, LENGTH_BYTES, Member, MemberState, ToNode, ToRelay, decode},
    lane::{Batch, BatchBuilder, BatchKind, Message},
    status::{ClusterEvent, EventKind, NodeLoad},
};

use super::{
    effect::StateEffect,
    link_control::{LinkControl, LinkInbox, LinkSignal, LinkTransport},
    relay_state::RelayState,
    shared_state::SharedState,
};
use crate::{
    control_plane::CommandError,
    defaults::{CLAIM_TIMEOUT, CONTROL_QUEUE_MAX, PROBE_EVERY, PROBES, REFUSALS_MIN, TESTS_MAX},
    link_close_reason::LinkCloseReason,
    liveness::{DirectoryCommand, DirectoryListing, DirectoryReply, LeaseRevocation, LinkId},
    switch::{DirtyLanes, Port},
};

#[derive(Debug)]
struct NoTransport;

impl LinkTransport for NoTransport {
    fn remote_address(&self) -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }

    fn path_stats(&self) -> PathStats {
        PathStats::default()
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

fn hello(number: u8) -> Hello {
    Hello {
        version: CONTROL_VERSION,
        incarnation: incarnation(number),
        url: "ws://127.0.0.1:9001/ws".into(),
        capacity: 500,
        started_at_ms: 1,
        software: "test".into(),
    }
}

fn control() -> (LinkControl, LinkInbox) {
    LinkControl::new(Rc::new(NoTransport))
}

fn decoded(message: &Bytes) -> ToNode {
    decode(&message[LENGTH_BYTES..]).unwrap()
}

struct Harness {
    state: RelayState,
    now: Instant,
}

impl Harness {
    fn new() -> Self {
        let now = Instant::now();
        Self { state: RelayState::new(name("relay-1"), 0, now), now }
    }

    fn open(&mut self, node: &str, number: u8) -> (LinkId, Rc<Port>) {
        let control = control().0;
        self.state.open_link(name(node), hello(number), control, 0, self.now).unwrap()
    }

    fn receive(&mut self, link: LinkId, message: ToRelay) -> Result<(), LinkCloseReason> {
        self.state.receive(link, message, 1, self.now)
    }

    /// What was sent to a link since the last call, and whether it was closed.
    fn effects_on(&mut self, link: LinkId) -> (Vec<ToNode>, Option<LinkCloseReason>) {
        let (mut sent, mut closed) = (Vec::new(), None);
        for effect in self.state.take_effects() {
            match effect {
                StateEffect::Send(to, message) if to == link => sent.push(decoded(&message)),
                StateEffect::Close(to, reason) if to == link => closed = Some(reason),
                _ => {}
            }
        }
        (sent, closed)
    }

    /// Sends a batch from `origin`; whether it was queued for `destination`.
    fn reaches(&mut self, origin: &Port, destination: &Port) -> bool {
        let mut builder = BatchBuilder::default();
        let body = b"{}";
        let message = Message { seq: 7, traced: false, sent_at_ms: 0, to: "b", from: "a", body };
        builder.push(7, |out| message.encode(out));
        let mut bytes = Vec::new();
        let to = destination.incarnation();
        builder.seal_into(&mut bytes, BatchKind::Messages, to, 1, to);
        let batch = Batch::split_off(&mut &bytes[..]).unwrap().unwrap();
        let queued = || destination.lanes().map(trunkline_link::Lane::queued_bytes).sum::<usize>();
        let before = queued();
        self.state.switch.forward(origin, 0, &batch, &mut DirtyLanes::default()).unwrap();
        queued() > before
    }
}

fn members(sent: &[ToNode]) -> Option<(u64, &[Member])> {
    sent.iter().rev().find_map(|message| match message {
        ToNode::Members { epoch, members } => Some((*epoch, &members[..])),
        _ => None,
    })
}

#[test]
fn admitted_link_is_welcomed_and_reachable() {
    let mut harness = Harness::new();
    let (a, a_port) = harness.open("a", 1);
    let (sent, closed) = harness.effects_on(a);
    assert!(matches!(&sent[0], ToNode::Welcome { relay, .. } if relay.as_str() == "relay-1"));
    assert_eq!(members(&sent).unwrap().1[0].capacity, 500);
    assert!(closed.is_none());
    let (_, b_port) = harness.open("b", 2);
    assert!(harness.reaches(&a_port, &b_port));
}

#[test]
fn claimant_of_a_held_name_is_unreachable_until_the_incumbent_fails_its_probe() {
    let mut harness = Harness::new();
    let (_, a_port) = harness.open("a", 1);
    let (old, old_port) = harness.open("b", 2);
    harness.effects_on(old);
    let (new, new_port) = harness.open("b", 3);
    let (sent, _) = harness.effects_on(old);
    assert!(matches!(sent[..], [ToNode::Probe { .. }]), "{sent:?}");
    assert!(!harness.reaches(&a_port, &new_port));
    harness.now += CLAIM_TIMEOUT;
    harness.state.tick(harness.now);
    let (_, closed) = harness.effects_on(old);
    assert!(matches!(closed, Some(LinkCloseReason::Superseded)));
    assert!(harness.reaches(&a_port, &new_port) && !harness.reaches(&a_port, &old_port));
    // The task of the superseded link ends later, and leaves its successor alone.
    harness.state.close_link(old, harness.now);
    assert!(harness.reaches(&a_port, &new_port));
    assert!(harness.state.drain_node(&name("b")).is_ok());
    assert!(matches!(harness.effects_on(new).0[..], [ToNode::Drain]));
}

#[test]
fn claimant_is_rejected_if_the_incumbent_answers() {
    let mut harness = Harness::new();
    let (old, _) = harness.open("a", 1);
    harness.effects_on(old);
    let (new, _) = harness.open("a", 2);
    let [ToNode::Probe { nonce }] = harness.effects_on(old).0[..] else { panic!("no probe") };
    harness.receive(old, ToRelay::Probed { nonce }).unwrap();
    assert!(matches!(harness.effects_on(new).1, Some(LinkCloseReason::NameTaken(_))));
}

#[test]
fn evicted_link_is_told_before_it_is_closed_and_is_unreachable() {
    let mut harness = Harness::new();
    let (_, a_port) = harness.open("a", 1);
    let (b, b_port) = harness.open("b", 2);
    // Redis answers, and b's machine refuses datagrams while b answers no probe.
    let listing = DirectoryListing { incarnations: Vec::new(), records: Vec::new() };
    harness.state.directory_replied(DirectoryReply::Listing(Ok(listing)), harness.now);
    (0..REFUSALS_MIN).for_each(|_| harness.state.connection_refused(b, harness.now));
    for _ in 0..=PROBES {
        harness.now += PROBE_EVERY;
        harness.state.tick(harness.now);
    }
    let is_revocation = |effect: &StateEffect| {
        matches!(effect, StateEffect::Directory(DirectoryCommand::RevokeLease { incarnation: of, .. })
            if *of == incarnation(2))
    };
    assert!(harness.state.take_effects().iter().any(is_revocation));
    let late_window = Duration::ZERO;
    let revoked =
        DirectoryReply::LeaseRevoked(incarnation(2), Ok(LeaseRevocation::Revoked { late_window }));
    harness.state.directory_replied(revoked, harness.now);
    let (sent, closed) = harness.effects_on(b);
    assert!(matches!(sent[..], [ToNode::DeclaredDead { .. }]), "{sent:?}");
    assert!(matches!(closed, Some(LinkCloseReason::IncarnationOver(_))));
    assert!(!harness.reaches(&a_port, &b_port));
    assert!(matches!(harness.state.drain_node(&name("b")), Err(CommandError::NotLinked(_))));
}

#[test]
fn each_announcement_is_one_epoch_with_all_changes_since_the_last() {
    let mut harness = Harness::new();
    let (a, _) = harness.open("a", 1);
    let (b, _) = harness.open("b", 2);
    assert_eq!(members(&harness.effects_on(a).0).unwrap().0, 0);
    harness.receive(b, ToRelay::Draining).unwrap();
    let load = NodeLoad { sessions: 7, ..NodeLoad::default() };
    harness.receive(b, ToRelay::Load(Box::new(load))).unwrap();
    assert!(harness.state.sessions_changed());
    harness.state.announce_members();
    assert!(!harness.state.sessions_changed());
    let (sent, _) = harness.effects_on(a);
    let (epoch, seen) = members(&sent).unwrap();
    assert_eq!((epoch, seen[1].state, seen[1].sessions), (1, MemberState::Draining, 7));
    harness.state.announce_members();
    assert_eq!(members(&harness.effects_on(b).0).unwrap().0, 2);
}

#[test]
fn only_urgent_load_changes_wake_the_announcement() {
    let mut harness = Harness::new();
    let (a, _) = harness.open("a", 1);
    harness.state.take_effects();
    let mut report = |load: NodeLoad| {
        harness.receive(a, ToRelay::Load(Box::new(load))).unwrap();
        let effects = harness.state.take_effects();
        effects.iter().any(|effect| matches!(effect, StateEffect::MembersChanged))
    };
    assert!(!report(NodeLoad { sessions: 1, ..NodeLoad::default() }));
    assert!(report(NodeLoad { sessions: 1, rebuilding: true, ..NodeLoad::default() }));
}

#[test]
fn second_hello_readdresses_the_link() {
    let mut harness = Harness::new();
    let (_, a_port) = harness.open("a", 1);
    let (b, b_port) = harness.open("b", 2);
    harness.receive(b, ToRelay::Hello(hello(3))).unwrap();
    assert_eq!(b_port.incarnation(), incarnation(3));
    assert!(harness.reaches(&a_port, &b_port));
    let foreign = harness.receive(b, ToRelay::Hello(hello(1)));
    assert!(foreign.is_ok(), "the effect closes it");
    assert!(matches!(harness.effects_on(b).1, Some(LinkCloseReason::ForeignIncarnation(_))));
}

#[test]
fn delivery_tests_are_bounded_and_fail_with_their_link() {
    let mut harness = Harness::new();
    let (a, _) = harness.open("a", 1);
    let user = || "bob".parse().unwrap();
    let tests: Vec<_> =
        (0..TESTS_MAX).map(|_| harness.state.begin_test(user(), user(), None).unwrap()).collect();
    let refused = harness.state.begin_test(user(), user(), None);
    assert!(matches!(refused, Err(CommandError::TooManyTests)));
    harness.state.close_link(a, harness.now);
    for mut test in tests {
        assert!(test.outcome.try_recv().is_err());
        harness.state.end_test(test.number);
    }
    assert!(matches!(harness.state.begin_test(user(), user(), None), Err(CommandError::NoNode)));
}

struct Shared {
    shared: SharedState,
    _directory: mpsc::Receiver<DirectoryCommand>,
    events: mpsc::Receiver<ClusterEvent>,
}

impl Shared {
    fn new() -> Self {
        let (directory, _directory) = mpsc::channel(8);
        let (sender, events) = mpsc::channel(64);
        let state = RelayState::new(name("relay-1"), 0, Instant::now());
        Self { shared: SharedState::new(state, directory, sender), _directory, events }
    }

    fn open(&self, node: &str, number: u8) -> (LinkId, LinkInbox) {
        let (control, inbox) = control();
        let open = |state: &mut RelayState, now| {
            state.open_link(name(node), hello(number), control, 0, now)
        };
        (self.shared.apply(open).unwrap().0, inbox)
    }
}

#[test]
fn effects_are_carried_out_after_the_change() {
    let mut shared = Shared::new();
    let (_, mut inbox) = shared.open("a", 1);
    assert!(matches!(inbox.signals.try_recv(), Ok(LinkSignal::Admitted)));
    assert!(matches!(decoded(&inbox.outbox.try_recv().unwrap()), ToNode::Welcome { .. }));
    assert_eq!(shared.events.try_recv().unwrap().kind, EventKind::Joined);
}

#[test]
fn effect_of_an_effect_is_carried_out_although_queries_are_nested() {
    let shared = Shared::new();
    let (a, mut inbox) = shared.open("a", 1);
    // The welcome, the members and the heartbeats fill the queue; the last one finds it full, which
    // closes the link.
    for seq in 0..CONTROL_QUEUE_MAX as u64 {
        shared.shared.apply(|state, _| state.heartbeat(a, seq));
        shared.shared.query(|_| shared.shared.query(RelayState::is_probing));
    }
    assert!(matches!(inbox.signals.try_recv(), Ok(LinkSignal::Admitted)));
    let closed = inbox.signals.try_recv();
    assert!(matches!(closed, Ok(LinkSignal::Close(LinkCloseReason::ControlNotRead))), "{closed:?}");
    let drained = shared.shared.apply(|state, _| state.drain_node(&name("a")));
    assert!(matches!(drained, Err(CommandError::NotLinked(_))));
}
