//! The state and its effects, without a connection.

use std::{
    collections::HashMap,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::FutureExt;
use quinn::PathStats;
use tokio::sync::mpsc;
use trunkline_protocol::{
    Incarnation, Name,
    control::{CONTROL_VERSION, Hello, LENGTH_BYTES, Member, MemberState, ToNode, ToRelay, decode},
    lane::{Batch, BatchBuilder, BatchKind, Message},
    status::{ClusterEvent, EventKind, NodeLoad},
};

use super::{
    link_record::{LinkControl, LinkInbox, LinkSignal, LinkTransport},
    outputs::StateOutputs,
    relay_state::RelayState,
};
use crate::{
    control_plane::CommandError,
    defaults::{
        CLAIM_TIMEOUT, CONTROL_QUEUE_FOR_OPERATORS, CONTROL_QUEUE_MAX, PROBE_EVERY, PROBES,
        REFUSALS_MIN, TESTS_MAX,
    },
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

fn decoded(message: &Bytes) -> ToNode {
    decode(&message[LENGTH_BYTES..]).unwrap()
}

struct Harness {
    state: RelayState,
    inboxes: HashMap<LinkId, LinkInbox>,
    commands: mpsc::Receiver<DirectoryCommand>,
    events: mpsc::Receiver<ClusterEvent>,
    now: Instant,
}

impl Harness {
    fn new() -> Self {
        let now = Instant::now();
        let (directory, commands) = mpsc::channel(64);
        let (sender, events) = mpsc::channel(64);
        let state = RelayState::new(name("relay-1"), StateOutputs::new(directory, sender), 0, now);
        Self { state, inboxes: HashMap::new(), commands, events, now }
    }

    fn open(&mut self, node: &str, number: u8) -> (LinkId, Rc<Port>) {
        let (control, inbox) = LinkControl::new(Rc::new(NoTransport));
        let opened = self.state.open_link(name(node), hello(number), control, 0, self.now).unwrap();
        self.inboxes.insert(opened.0, inbox);
        opened
    }

    fn receive(&mut self, link: LinkId, message: ToRelay) -> Result<(), LinkCloseReason> {
        self.state.receive(link, message, 1, self.now)
    }

    /// What was sent to a link since the last call, and whether it was closed.
    fn outputs_on(&mut self, link: LinkId) -> (Vec<ToNode>, Option<LinkCloseReason>) {
        let inbox = self.inboxes.get_mut(&link).unwrap();
        let sent = std::iter::from_fn(|| inbox.outbox.try_recv().ok());
        let sent = sent.map(|message| decoded(&message)).collect();
        let closed =
            std::iter::from_fn(|| inbox.signals.try_recv().ok()).find_map(|signal| match signal {
                LinkSignal::Admitted => None,
                LinkSignal::Close(reason) => Some(reason),
            });
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
    let (sent, closed) = harness.outputs_on(a);
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
    harness.outputs_on(old);
    let (new, new_port) = harness.open("b", 3);
    let (sent, _) = harness.outputs_on(old);
    assert!(matches!(sent[..], [ToNode::Probe { .. }]), "{sent:?}");
    assert!(!harness.reaches(&a_port, &new_port));
    harness.now += CLAIM_TIMEOUT;
    harness.state.tick(harness.now);
    let (_, closed) = harness.outputs_on(old);
    assert!(matches!(closed, Some(LinkCloseReason::Superseded)));
    assert!(harness.reaches(&a_port, &new_port) && !harness.reaches(&a_port, &old_port));
    // The task of the superseded link ends later, and leaves its successor alone.
    harness.state.close_link(old, harness.now);
    assert!(harness.reaches(&a_port, &new_port));
    assert!(harness.state.drain_node(&name("b")).is_ok());
    assert!(matches!(harness.outputs_on(new).0[..], [.., ToNode::Drain]));
}

#[test]
fn claimant_is_rejected_if_the_incumbent_answers() {
    let mut harness = Harness::new();
    let (old, _) = harness.open("a", 1);
    harness.outputs_on(old);
    let (new, _) = harness.open("a", 2);
    let [ToNode::Probe { nonce }] = harness.outputs_on(old).0[..] else { panic!("no probe") };
    harness.receive(old, ToRelay::Probed { nonce }).unwrap();
    assert!(matches!(harness.outputs_on(new).1, Some(LinkCloseReason::NameTaken(_))));
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
    let is_revocation = |command: DirectoryCommand| {
        matches!(command, DirectoryCommand::RevokeLease { incarnation: of, .. }
            if of == incarnation(2))
    };
    assert!(std::iter::from_fn(|| harness.commands.try_recv().ok()).any(is_revocation));
    harness.outputs_on(b);
    let late_window = Duration::ZERO;
    let revoked =
        DirectoryReply::LeaseRevoked(incarnation(2), Ok(LeaseRevocation::Revoked { late_window }));
    harness.state.directory_replied(revoked, harness.now);
    let (sent, closed) = harness.outputs_on(b);
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
    assert_eq!(members(&harness.outputs_on(a).0).unwrap().0, 0);
    harness.receive(b, ToRelay::Draining).unwrap();
    let load = NodeLoad { sessions: 7, ..NodeLoad::default() };
    harness.receive(b, ToRelay::Load(Box::new(load))).unwrap();
    assert!(harness.state.sessions_changed);
    harness.state.announce_members();
    assert!(!harness.state.sessions_changed);
    let (sent, _) = harness.outputs_on(a);
    let (epoch, seen) = members(&sent).unwrap();
    assert_eq!((epoch, seen[1].state, seen[1].sessions), (1, MemberState::Draining, 7));
    harness.state.announce_members();
    assert_eq!(members(&harness.outputs_on(b).0).unwrap().0, 2);
}

#[test]
fn only_urgent_load_changes_wake_the_announcement() {
    let mut harness = Harness::new();
    let (a, _) = harness.open("a", 1);
    let changed = harness.state.outputs.members_changed.clone();
    assert!(changed.notified().now_or_never().is_some(), "a node joined");
    let mut report = |load: NodeLoad| {
        harness.receive(a, ToRelay::Load(Box::new(load))).unwrap();
        changed.notified().now_or_never().is_some()
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
    assert!(foreign.is_ok(), "a signal closes it");
    assert!(matches!(harness.outputs_on(b).1, Some(LinkCloseReason::ForeignIncarnation(_))));
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

#[test]
fn admission_is_signalled_and_reported() {
    let mut harness = Harness::new();
    let (a, _) = harness.open("a", 1);
    let inbox = harness.inboxes.get_mut(&a).unwrap();
    assert!(matches!(inbox.signals.try_recv(), Ok(LinkSignal::Admitted)));
    assert_eq!(harness.events.try_recv().unwrap().kind, EventKind::Joined);
}

#[test]
fn burst_of_commands_is_refused_and_costs_no_link() {
    let mut harness = Harness::new();
    let (a, _) = harness.open("a", 1);
    let (b, _) = harness.open("b", 2);
    let user = || "bob".parse().unwrap();
    let commands = (0..1_000).map(|_| harness.state.end_user(&user()));
    let refused = commands.filter(|done| matches!(done, Err(CommandError::TooManyCommands(_))));
    assert!(refused.count() > 1_000 - CONTROL_QUEUE_FOR_OPERATORS - 1);
    let drained = harness.state.drain_node(&name("a"));
    assert!(matches!(drained, Err(CommandError::TooManyCommands(_))), "{drained:?}");
    let test = harness.state.begin_test(user(), user(), None);
    assert!(matches!(test, Err(CommandError::TooManyCommands(_))));
    for link in [a, b] {
        assert!(harness.outputs_on(link).1.is_none(), "no link is closed");
    }
    harness.state.drain_node(&name("a")).unwrap();
}

#[test]
fn link_with_a_full_control_queue_is_closed() {
    let mut harness = Harness::new();
    let (a, _) = harness.open("a", 1);
    // The welcome, the members and the heartbeats fill the queue; the last one finds it full.
    (0..CONTROL_QUEUE_MAX as u64).for_each(|seq| harness.state.heartbeat(a, seq));
    let (sent, closed) = harness.outputs_on(a);
    assert_eq!(sent.len(), CONTROL_QUEUE_MAX);
    assert!(matches!(closed, Some(LinkCloseReason::ControlNotRead)), "{closed:?}");
    assert!(matches!(harness.state.drain_node(&name("a")), Err(CommandError::NotLinked(_))));
}
