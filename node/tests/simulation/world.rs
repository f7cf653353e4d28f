//! The simulated cluster, and its time.

use std::time::{Duration, Instant};

use fastrand::Rng;
use trunkline_node::{
    custody::{Custody, RelayLinkId},
    defaults::TICK,
};
use trunkline_protocol::{Incarnation, Outcome};

use crate::{
    checker::{Checker, Invariant, MessageRecord},
    conditions::Conditions,
    directory::SimulatedDirectory,
    environment::SimulatedEnvironment,
    node::{SimulatedNode, TestMessage},
    pending_events::PendingEvent,
    relay::{RelayPort, SimulatedRelay},
};

/// How many sessions a user has on a node at most.
const SESSIONS_MAX: usize = 2;

/// All nodes, their relay, their directory, and the checker.
#[derive(Debug)]
pub(crate) struct World {
    start: Instant,
    pub(crate) now_ms: u64,
    /// How many calls into custodies there were.
    now_at: u64,
    pub(crate) conditions: Conditions,
    pub(crate) nodes: Vec<SimulatedNode>,
    pub(crate) relay: SimulatedRelay,
    pub(crate) directory: SimulatedDirectory,
    pub(crate) checker: Checker,
    last_session: u32,
    last_incarnation: u8,
    /// The last link of any node.
    pub(crate) last_link: RelayLinkId,
    /// The events that can happen now. Kept only for its allocation.
    pub(crate) pending_events: Vec<PendingEvent>,
}

impl World {
    pub(crate) fn new(conditions: Conditions) -> Self {
        let mut world = Self {
            start: Instant::now(),
            now_ms: 0,
            now_at: 0,
            nodes: Vec::new(),
            relay: SimulatedRelay::default(),
            directory: SimulatedDirectory::new(conditions.users),
            checker: Checker::default(),
            last_session: 0,
            last_incarnation: 0,
            last_link: RelayLinkId::default(),
            pending_events: Vec::new(),
            conditions,
        };
        for index in 0..world.conditions.nodes {
            let incarnation = world.fresh_incarnation();
            world.last_link = world.last_link.next();
            let link = world.last_link;
            world.nodes.push(SimulatedNode::new(index, incarnation, link, &world.conditions));
            world.relay.ports.push(RelayPort::new(incarnation, link));
        }
        world
    }

    pub(crate) fn fresh_incarnation(&mut self) -> Incarnation {
        self.last_incarnation += 1;
        Incarnation::from_bytes([self.last_incarnation; 16])
    }

    /// Calls into a node's custody.
    pub(crate) fn call<R>(
        &mut self,
        node: usize,
        act: impl FnOnce(&mut Custody<TestMessage>, Instant, &mut SimulatedEnvironment<'_>) -> R,
    ) -> R {
        let now = self.start + Duration::from_millis(self.now_ms);
        self.now_at += 1;
        let SimulatedNode { custody, process } = &mut self.nodes[node];
        let (now_ms, now_at) = (self.now_ms, self.now_at);
        let (checker, conditions) = (&mut self.checker, &self.conditions);
        let result = act(
            custody,
            now,
            &mut SimulatedEnvironment { process, checker, conditions, now_ms, now_at },
        );
        self.check_limits(node);
        self.check_offline();
        result
    }

    fn check_limits(&mut self, node: usize) {
        let (custody, limits) = (&self.nodes[node].custody, &self.conditions.limits);
        let within = custody.pending() <= limits.pending_max
            && custody.pending_bytes() <= limits.pending_bytes_max;
        self.checker.check(Invariant::Bounded, within, || format!("n{node} has too much pending"));
    }

    /// No user may be called offline who has had a session and a directory entry for longer than a
    /// route lives, counted from the send.
    fn check_offline(&mut self) {
        for id in std::mem::take(&mut self.checker.offline) {
            let record = &self.checker.records[id as usize];
            let Some(before_ms) = record.accepted_ms.checked_sub(self.conditions.route_ttl_ms())
            else {
                continue;
            };
            let user = record.user;
            let online = self.nodes.iter().any(|SimulatedNode { process, .. }| {
                let since_ms = self.directory.since(user, process.index, process.incarnation());
                since_ms.is_some_and(|since_ms| since_ms <= before_ms)
                    && process.sessions.has_since(user, before_ms)
            });
            self.checker.check(Invariant::Truth, !online, || {
                format!("m{id} is offline, but u{user} was online all the time")
            });
        }
    }
}

/// The actions of users.
impl World {
    pub(crate) fn send(&mut self, node: usize, user: usize, sender: u64) -> u32 {
        let id = self.checker.records.len() as u32;
        let due_ms = self.now_ms + self.conditions.limits.deadline.as_millis() as u64;
        let process = &self.nodes[node].process;
        let here = process.sessions.has_room(user, self.conditions.socket_room);
        let after_failure = self.checker.pending(node, user).any(|record| record.failed);
        self.checker.note(|| format!("m{id} from n{node} to u{user} by {sender}"));
        self.checker.records.push(MessageRecord {
            node,
            user,
            sender,
            accepted_ms: self.now_ms,
            accepted_at: self.now_at + 1,
            due_ms,
            ..MessageRecord::default()
        });
        self.nodes[node].process.ids.push(id);
        let message = TestMessage { id, sender };
        self.call(node, |custody, now, env| {
            custody.accept(now, env, Conditions::key(user), message)
        });
        let record = &self.checker.records[id as usize];
        let at_once =
            !here || after_failure || record.offered_here || record.outcome == Some(Outcome::Busy);
        self.checker
            .check(Invariant::LocalFirst, at_once, || format!("m{id} is not offered here at once"));
        id
    }

    pub(crate) fn log_in(&mut self, node: usize, user: usize, at_once: bool) {
        let process = &mut self.nodes[node].process;
        let others = process.sessions.open.iter().filter(|session| session.user == user);
        if !process.is_running() || others.count() >= SESSIONS_MAX {
            return;
        }
        self.last_session += 1;
        let id = self.last_session;
        process.sessions.log_in(id, user, self.now_ms);
        self.checker.note(|| format!("s{id} of u{user} logs in at n{node}"));
        let change = self.directory.will_change(node, user);
        if at_once && self.nodes[node].process.can_register() {
            self.directory_updated(change);
        }
    }

    pub(crate) fn log_out(&mut self, node: usize, session: usize, rest_was_read: bool) {
        let process = &mut self.nodes[node].process;
        let Some(Some(user)) = process
            .is_running()
            .then(|| process.sessions.open.get(session).map(|session| session.user))
        else {
            return;
        };
        self.checker.note(|| format!("s{} ends", process.sessions.open[session].id));
        process.sessions.close(session, rest_was_read, &mut self.checker);
        self.directory.will_change(node, user);
        self.take_receipts(node, false);
    }

    pub(crate) fn write_part(&mut self, node: usize, session: usize) {
        let process = &mut self.nodes[node].process;
        if process.is_running() && session < process.sessions.open.len() {
            process.sessions.write_part(session);
        }
    }
}

/// Time.
impl World {
    /// Lets time pass, with the ticks that are due.
    pub(crate) fn wait(&mut self, ms: u64, rng: &mut Rng) {
        let until_ms = self.now_ms + ms;
        while let Some((due_ms, node)) = self.next_tick(rng)
            && due_ms <= until_ms
            && self.checker.violation.is_none()
        {
            self.now_ms = due_ms;
            self.checker.note(|| format!("{due_ms} ms: n{node} ticks"));
            self.call(node, |custody, now, env| custody.tick(now, env));
            let now = self.start + Duration::from_millis(self.now_ms);
            let none_due = self.nodes[node].custody.next_tick().is_none_or(|due| due > now);
            self.checker.check(Invariant::Bounded, none_due, || {
                format!("n{node} has dues left after its tick")
            });
        }
        self.now_ms = until_ms;
        self.checker.note(|| format!("{until_ms} ms"));
    }

    /// The node that ticks next, and when: a little late, as timers are.
    fn next_tick(&self, rng: &mut Rng) -> Option<(u64, usize)> {
        let late_ms = rng.u64(..=TICK.as_millis() as u64);
        let due = |SimulatedNode { custody, process }: &SimulatedNode| {
            let due_ms = custody.next_tick()?.duration_since(self.start).as_millis() as u64;
            Some((due_ms.max(process.awake_ms), process.index))
        };
        let running = self.nodes.iter().filter(|node| node.process.is_running());
        let (due_ms, node) = running.filter_map(due).min()?;
        Some(((due_ms + late_ms).max(self.now_ms), node))
    }
}
