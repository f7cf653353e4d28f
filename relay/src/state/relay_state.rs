//! The data.

use std::{rc::Rc, time::Instant};

use bytes::Bytes;
use hashbrown::HashMap;
use tokio::sync::oneshot;
use trunkline_protocol::{
    Incarnation, Name, User,
    control::{self, CONTROL_VERSION, Hello, ToNode, ToRelay},
    status::{EventKind, NodeLoad, Trace},
};

use super::{
    link_record::{LinkControl, LinkRecord, LinkSignal},
    node_registry::{NodeRegistry, check_hello},
    outputs::StateOutputs,
};
use crate::{
    control_plane::CommandError,
    defaults::REJECTION_EVENTS_MAX,
    link_close_reason::LinkCloseReason,
    liveness::{DirectoryReply, LinkId, Liveness, LivenessEffect},
    switch::{Port, Switch},
    tracer::{DeliveryTracer, TestOrigin, TestOutcome},
};

/// Everything that the data path knows.
#[derive(Debug)]
pub(crate) struct RelayState {
    pub(super) name: Name,
    pub(super) started_at_ms: u64,
    pub(super) switch: Switch,
    pub(crate) liveness: Liveness,
    pub(super) registry: NodeRegistry,
    /// All links, admitted or not.
    pub(super) links: HashMap<LinkId, LinkRecord>,
    last_link: LinkId,
    /// Counts the announcements of the membership.
    pub(super) members_epoch: u64,
    /// A number of sessions changed since the last announcement.
    pub(crate) sessions_changed: bool,
    tracer: DeliveryTracer,
    /// Events that rejected connections may still cause.
    rejection_events_left: u32,
    pub(super) outputs: StateOutputs,
}

/// A delivery test that was started.
#[derive(Debug)]
pub(crate) struct DeliveryTest {
    pub(crate) number: u64,
    pub(crate) origin: TestOrigin,
    /// Fails if the origin loses its link before it reports the outcome.
    pub(crate) outcome: oneshot::Receiver<TestOutcome>,
}

/// Queries.
impl RelayState {
    /// The state of a relay that knows no node. `started_at_ms` is in Unix milliseconds.
    pub(crate) fn new(name: Name, outputs: StateOutputs, started_at_ms: u64, now: Instant) -> Self {
        Self {
            name,
            started_at_ms,
            switch: Switch::default(),
            liveness: Liveness::new(now),
            registry: NodeRegistry::default(),
            links: HashMap::new(),
            last_link: 0,
            members_epoch: 0,
            sessions_changed: false,
            tracer: DeliveryTracer::default(),
            rejection_events_left: REJECTION_EVENTS_MAX,
            outputs,
        }
    }

    /// Whether every node that answered a test message has reported its part of the trace.
    pub(crate) fn is_trace_complete(&self, origin: &TestOrigin, outcome: &TestOutcome) -> bool {
        self.tracer.is_complete(origin, outcome.message, &self.switch.hops)
    }

    /// The trace of a test message, as far as it was reported.
    pub(crate) fn trace(&self, origin: &TestOrigin, outcome: &TestOutcome) -> Trace {
        let known = self.liveness.nodes().into_iter();
        let known = known.map(|(name, node)| (node.incarnation, name.clone()));
        let linked = self.links.values().map(|link| (link.port.incarnation(), link.name.clone()));
        let names = known.chain(linked).collect();
        self.tracer.trace(origin, &self.name, outcome, &self.switch.hops, &names)
    }

    fn up_links(&self) -> impl Iterator<Item = (LinkId, &LinkRecord)> {
        self.links.iter().filter(|(_, link)| link.is_up).map(|(&id, link)| (id, link))
    }

    /// The link of `node`, or of the first node by name.
    fn up_link(&self, node: Option<&Name>) -> Result<(LinkId, &LinkRecord), CommandError> {
        let fits = |link: &LinkRecord| node.is_none_or(|name| link.name == *name);
        let fitting = self.up_links().filter(|(_, link)| fits(link));
        let first = fitting.min_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        first.ok_or_else(|| node.cloned().map_or(CommandError::NoNode, CommandError::NotLinked))
    }

    /// As [`Self::up_link`], if one more command may wait for it.
    fn operators_link(&self, node: Option<&Name>) -> Result<(LinkId, &LinkRecord), CommandError> {
        let (id, link) = self.up_link(node)?;
        room_for_operators(link).map(|()| (id, link))
    }
}

fn room_for_operators(link: &LinkRecord) -> Result<(), CommandError> {
    match link.control.has_room_for_operators() {
        true => Ok(()),
        false => Err(CommandError::TooManyCommands(link.name.clone())),
    }
}

/// Changes by links.
impl RelayState {
    /// Makes a link of a connection whose node said hello. A [`LinkSignal`] says whether it is
    /// admitted, which may take a probe.
    pub(crate) fn open_link(
        &mut self,
        name: Name,
        hello: Hello,
        control: LinkControl,
        opened_at_ms: u64,
        now: Instant,
    ) -> Result<(LinkId, Rc<Port>), LinkCloseReason> {
        let incarnation = hello.incarnation;
        let port = self.switch.open_port(&name, incarnation).ok_or(LinkCloseReason::RelayFull)?;
        self.last_link += 1;
        let (id, in_switch) = (self.last_link, port.clone());
        let link = LinkRecord { name, hello, port: in_switch, control, opened_at_ms, is_up: false };
        self.liveness.hello(id, &link.name, incarnation, now);
        self.links.insert(id, link);
        self.apply_liveness();
        Ok((id, port))
    }

    /// A link's task has ended.
    pub(crate) fn close_link(&mut self, id: LinkId, now: Instant) {
        if let Some(link) = self.links.remove(&id) {
            self.switch.disconnect(&link.port);
        }
        self.tracer.link_lost(id);
        self.liveness.lost(id, now);
        self.apply_liveness();
    }

    /// A link's node said something at `at_ms`, in Unix milliseconds.
    pub(crate) fn receive(
        &mut self,
        id: LinkId,
        message: ToRelay,
        at_ms: u64,
        now: Instant,
    ) -> Result<(), LinkCloseReason> {
        let result = self.handle(id, message, at_ms, now);
        self.apply_liveness();
        result
    }

    /// The kernel of a link's node refuses datagrams to the node's port.
    pub(crate) fn connection_refused(&mut self, id: LinkId, now: Instant) {
        self.liveness.connection_refused(id, now);
        self.apply_liveness();
    }

    pub(crate) fn heartbeat(&mut self, id: LinkId, seq: u64) {
        self.send(id, &ToNode::Heartbeat { seq });
    }

    fn handle(
        &mut self,
        id: LinkId,
        message: ToRelay,
        at_ms: u64,
        now: Instant,
    ) -> Result<(), LinkCloseReason> {
        match message {
            ToRelay::Probed { nonce } => self.liveness.probe_answered(id, nonce, now),
            // Any message is a sign of life.
            _ => self.liveness.heard(id, now),
        }
        match message {
            ToRelay::Hello(hello) => {
                check_hello(&hello)?;
                self.change_hello(id, &hello, now);
            }
            ToRelay::Load(load) => self.load_reported(id, *load, at_ms),
            ToRelay::Traced { message, after_us, what } => {
                if let Some(link) = self.links.get(&id) {
                    self.tracer.event_reported(link.name.clone(), message, after_us, what);
                    self.outputs.trace_changed.notify_waiters();
                }
            }
            ToRelay::Tested { test, message, took_us, outcome, missed } => {
                let outcome = TestOutcome { message, took_us, outcome, missed };
                self.tracer.outcome_reported(test, outcome);
            }
            ToRelay::Draining => self.liveness.draining(id, now),
            ToRelay::Bye => {
                self.liveness.left(id, now);
                return Err(LinkCloseReason::Left);
            }
            ToRelay::Heartbeat { .. } | ToRelay::Probed { .. } | ToRelay::Unknown => {}
        }
        Ok(())
    }

    fn change_hello(&mut self, id: LinkId, hello: &Hello, now: Instant) {
        let Some(link) = self.links.get(&id) else { return };
        self.liveness.hello(id, &link.name, hello.incarnation, now);
        if self.liveness.link_of(hello.incarnation) == Some(id) {
            self.registry.hello(hello);
        }
    }

    fn load_reported(&mut self, id: LinkId, load: NodeLoad, at_ms: u64) {
        let Some(link) = self.links.get(&id) else { return };
        let (name, incarnation) = (link.name.clone(), link.port.incarnation());
        let change = self.registry.load(incarnation, load, at_ms);
        self.sessions_changed |= change.sessions_changed;
        if change.is_urgent {
            self.outputs.members_changed.notify_one();
        }
        if change.ended_slow > 0 {
            let kind = EventKind::SlowReaders { count: change.ended_slow };
            self.report(Some((name, incarnation)), kind);
        }
    }
}

/// Changes by time, by the directory, and by admins.
impl RelayState {
    pub(crate) fn tick(&mut self, now: Instant) {
        self.liveness.tick(now);
        self.apply_liveness();
    }

    pub(crate) fn directory_replied(&mut self, mut reply: DirectoryReply, now: Instant) {
        if let DirectoryReply::Listing(Ok(listing)) = &mut reply {
            let records = listing.records.drain(..);
            records.for_each(|record| self.registry.add_directory_record(record));
        }
        let is_listing = matches!(reply, DirectoryReply::Listing(_));
        self.liveness.directory_replied(reply, now);
        if is_listing {
            self.registry.retain(|incarnation| self.liveness.knows(incarnation));
            let nodes = self.liveness.nodes();
            self.switch.traffic.retain(|name| nodes.contains_key(name));
        }
        self.apply_liveness();
    }

    /// Announces the membership to all nodes.
    pub(crate) fn announce_members(&mut self) {
        self.members_epoch += 1;
        self.sessions_changed = false;
        self.send_all(&self.members());
    }

    /// A connection was rejected. Those who keep dialling do not flood the status streams.
    pub(crate) fn connection_rejected(&mut self, reason: String) {
        if let Some(left) = self.rejection_events_left.checked_sub(1) {
            self.rejection_events_left = left;
            self.report(None, EventKind::Refused { reason });
        }
    }

    /// Rejected connections may cause one more event.
    pub(crate) fn refill_rejection_events(&mut self) {
        self.rejection_events_left = REJECTION_EVENTS_MAX.min(self.rejection_events_left + 1);
    }

    /// Reports an event to operators.
    pub(crate) fn report(&self, node: Option<(Name, Incarnation)>, kind: EventKind) {
        self.outputs.report(node, kind);
    }

    pub(crate) fn drain_node(&mut self, node: &Name) -> Result<(), CommandError> {
        let (link, _) = self.operators_link(Some(node))?;
        self.send(link, &ToNode::Drain);
        Ok(())
    }

    /// Tells all nodes to end a user's sessions.
    pub(crate) fn end_user(&mut self, user: &User) -> Result<(), CommandError> {
        self.up_link(None)?;
        // All or none: an operator must not have to find out who was told.
        self.up_links().try_for_each(|(_, link)| room_for_operators(link))?;
        self.send_all(&ToNode::EndUser { user: user.clone() });
        Ok(())
    }

    /// Starts a delivery test through `node`, or through the first node by name.
    pub(crate) fn begin_test(
        &mut self,
        from: User,
        user: User,
        node: Option<&Name>,
    ) -> Result<DeliveryTest, CommandError> {
        let (link, record) = self.operators_link(node)?;
        let origin =
            TestOrigin { name: record.name.clone(), incarnation: record.port.incarnation() };
        let (number, outcome) = self.tracer.begin(link).ok_or(CommandError::TooManyTests)?;
        self.send(link, &ToNode::Test { test: number, user, from });
        Ok(DeliveryTest { number, origin, outcome })
    }

    /// Forgets a delivery test.
    pub(crate) fn end_test(&mut self, number: u64) {
        self.tracer.end(number);
    }
}

/// What liveness decides.
impl RelayState {
    fn apply_liveness(&mut self) {
        for effect in self.liveness.take_effects() {
            match effect {
                LivenessEffect::Admit(link) => self.admit(link),
                LivenessEffect::Reject(id, incarnation, rejection) => {
                    if let Some(link) = self.links.get(&id) {
                        let reason = LinkCloseReason::rejected(rejection, &link.name, incarnation);
                        self.close(id, reason);
                    }
                }
                LivenessEffect::Readdress(link, incarnation) => {
                    if let Some(link) = self.links.get(&link) {
                        self.switch.readdress(&link.port, incarnation);
                    }
                }
                LivenessEffect::Supersede(link) => self.close(link, LinkCloseReason::Superseded),
                LivenessEffect::Evict(link, incarnation) => {
                    self.send(link, &ToNode::DeclaredDead { incarnation });
                    self.close(link, LinkCloseReason::IncarnationOver(incarnation));
                }
                LivenessEffect::Probe(link, nonce) => self.send(link, &ToNode::Probe { nonce }),
                LivenessEffect::Directory(command) => self.outputs.command(command),
                LivenessEffect::Report { node, kind } => self.report(node, kind),
                LivenessEffect::MembersChanged => self.outputs.members_changed.notify_one(),
            }
        }
    }

    fn admit(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.is_up = true;
        self.registry.hello(&link.hello);
        self.switch.connect(&link.port);
        link.control.signal(LinkSignal::Admitted);
        let relay = self.name.clone();
        self.send(id, &ToNode::Welcome { version: CONTROL_VERSION, relay });
        self.send(id, &self.members());
    }

    /// Closes a link, and routes nothing to it any more.
    fn close(&mut self, id: LinkId, reason: LinkCloseReason) {
        if let Some(link) = self.links.get_mut(&id) {
            link.is_up = false;
            self.switch.disconnect(&link.port);
            link.control.signal(LinkSignal::Close(reason));
        }
    }

    fn send(&mut self, link: LinkId, message: &ToNode) {
        self.send_encoded(link, control::encode(message).into());
    }

    /// Sends to all nodes that are up; the message is encoded once.
    fn send_all(&mut self, message: &ToNode) {
        let message = Bytes::from(control::encode(message));
        for link in self.up_links().map(|(id, _)| id).collect::<Vec<_>>() {
            self.send_encoded(link, message.clone());
        }
    }

    fn send_encoded(&mut self, id: LinkId, message: Bytes) {
        if self.links.get(&id).is_some_and(|link| !link.control.send(message)) {
            self.close(id, LinkCloseReason::ControlNotRead);
        }
    }
}
