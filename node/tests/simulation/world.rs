//! Everything there is, and one event after the other.

use std::time::{Duration, Instant};

use fastrand::Rng;
use trunkline_node::{custody::Custody, defaults::TICK};
use trunkline_protocol::{Incarnation, Outcome};

use crate::{
    checker::{Checker, Demand, Fact},
    directory::Directory,
    environment::SimulatedNode,
    node::{Node, Note},
    relay::{Port, Relay},
    steps::Step,
    weather::Weather,
};

/// How many sessions a user has on a node at most.
const SESSIONS_MAX: usize = 2;

/// All nodes, their relay and their directory.
#[derive(Debug)]
pub(crate) struct World {
    start: Instant,
    pub(crate) now_ms: u64,
    /// Counts events.
    now_at: u64,
    pub(crate) weather: Weather,
    pub(crate) nodes: Vec<Node>,
    pub(crate) relay: Relay,
    pub(crate) directory: Directory,
    pub(crate) checker: Checker,
    last_session: u32,
    last_incarnation: u8,
    /// Those that can be taken now; kept for its memory.
    pub(crate) steps: Vec<Step>,
}

impl World {
    pub(crate) fn new(weather: Weather) -> Self {
        let mut world = Self {
            start: Instant::now(),
            now_ms: 0,
            now_at: 0,
            nodes: Vec::new(),
            relay: Relay::default(),
            directory: Directory::new(weather.users),
            checker: Checker::default(),
            last_session: 0,
            last_incarnation: 0,
            steps: Vec::new(),
            weather,
        };
        for index in 0..world.weather.nodes {
            let incarnation = world.fresh_incarnation();
            world.nodes.push(Node::new(index, incarnation, &world.weather));
            world.relay.ports.push(Port::new(incarnation));
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
        act: impl FnOnce(&mut Custody<Note>, Instant, &mut SimulatedNode<'_>) -> R,
    ) -> R {
        let now = self.start + Duration::from_millis(self.now_ms);
        self.now_at += 1;
        let Node { custody, site } = &mut self.nodes[node];
        let (now_ms, now_at) = (self.now_ms, self.now_at);
        let (checker, weather) = (&mut self.checker, &self.weather);
        let result =
            act(custody, now, &mut SimulatedNode { site, checker, weather, now_ms, now_at });
        self.check_limits(node);
        self.check_offline();
        result
    }

    fn check_limits(&mut self, node: usize) {
        let (custody, limits) = (&self.nodes[node].custody, &self.weather.limits);
        let within = custody.pending() <= limits.pending_max
            && custody.pending_bytes() <= limits.pending_bytes_max;
        self.checker.demand(Demand::Bounded, within, || format!("n{node} has too much pending"));
    }

    /// Nobody is offline who had a session, and stood in the directory, since before the oldest
    /// route that could be believed.
    fn check_offline(&mut self) {
        for id in std::mem::take(&mut self.checker.offline) {
            let fact = &self.checker.facts[id as usize];
            let Some(before_ms) = fact.accepted_ms.checked_sub(self.weather.route_life_ms()) else {
                continue;
            };
            let user = fact.user;
            let there = self.nodes.iter().any(|Node { site, .. }| {
                let since_ms = self.directory.since(user, site.index, site.incarnation());
                since_ms.is_some_and(|since_ms| since_ms <= before_ms)
                    && site.sessions.has_since(user, before_ms)
            });
            self.checker.demand(Demand::Truth, !there, || {
                format!("m{id} is called offline, but u{user} was there all the time")
            });
        }
    }
}

/// What users do.
impl World {
    pub(crate) fn send(&mut self, node: usize, user: usize, sender: u64) -> u32 {
        let id = self.checker.facts.len() as u32;
        let due_ms = self.now_ms + self.weather.limits.deadline.as_millis() as u64;
        let site = &self.nodes[node].site;
        let here = site.sessions.has_room(user, self.weather.socket_room);
        let behind = self.checker.pending(node, user).any(|fact| fact.failed);
        self.checker.note(|| format!("m{id} from n{node} to u{user} by {sender}"));
        self.checker.facts.push(Fact {
            node,
            user,
            sender,
            accepted_ms: self.now_ms,
            accepted_at: self.now_at + 1,
            due_ms,
            ..Fact::default()
        });
        self.nodes[node].site.ids.push(id);
        let note = Note { id, sender };
        self.call(node, |custody, now, hands| custody.accept(now, hands, Weather::key(user), note));
        let fact = &self.checker.facts[id as usize];
        let fine = !here || behind || fact.offered_here || fact.outcome == Some(Outcome::Busy);
        self.checker.demand(Demand::LocalFirst, fine, || format!("m{id} waits to be local"));
        id
    }

    pub(crate) fn log_in(&mut self, node: usize, user: usize, at_once: bool) {
        let site = &mut self.nodes[node].site;
        let theirs = site.sessions.open.iter().filter(|session| session.user == user);
        if !site.runs() || theirs.count() >= SESSIONS_MAX {
            return;
        }
        self.last_session += 1;
        let id = self.last_session;
        site.sessions.log_in(id, user, self.now_ms);
        self.checker.note(|| format!("s{id} of u{user} logs in at n{node}"));
        let change = self.directory.will_change(node, user);
        if at_once && self.nodes[node].site.can_register() {
            self.directory_hears(change);
        }
    }

    pub(crate) fn log_out(&mut self, node: usize, session: usize, rest_was_read: bool) {
        let site = &mut self.nodes[node].site;
        let Some(Some(user)) =
            site.runs().then(|| site.sessions.open.get(session).map(|session| session.user))
        else {
            return;
        };
        self.checker.note(|| format!("s{} ends", site.sessions.open[session].id));
        site.sessions.close(session, rest_was_read, &mut self.checker);
        self.directory.will_change(node, user);
        self.fetch_answers(node, false);
    }

    pub(crate) fn take_part(&mut self, node: usize, session: usize) {
        let site = &mut self.nodes[node].site;
        if site.runs() && session < site.sessions.open.len() {
            site.sessions.take_part(session);
        }
    }
}

/// Time.
impl World {
    /// Lets time go by, and each custody do what is due.
    pub(crate) fn wait(&mut self, ms: u64, rng: &mut Rng) {
        let until_ms = self.now_ms + ms;
        while let Some((due_ms, node)) = self.next_tick(rng)
            && due_ms <= until_ms
            && self.checker.broken.is_none()
        {
            self.now_ms = due_ms;
            self.checker.note(|| format!("{due_ms} ms: n{node} ticks"));
            self.call(node, |custody, now, hands| custody.tick(now, hands));
            let now = self.start + Duration::from_millis(self.now_ms);
            let done = self.nodes[node].custody.next_tick().is_none_or(|due| due > now);
            self.checker.demand(Demand::Bounded, done, || format!("n{node} ticks in vain"));
        }
        self.now_ms = until_ms;
        self.checker.note(|| format!("{until_ms} ms"));
    }

    /// The node that ticks next, and when: a little late, as timers are.
    fn next_tick(&self, rng: &mut Rng) -> Option<(u64, usize)> {
        let late_ms = rng.u64(..=TICK.as_millis() as u64);
        let due = |Node { custody, site }: &Node| {
            let due_ms = custody.next_tick()?.duration_since(self.start).as_millis() as u64;
            Some((due_ms.max(site.awake_ms), site.index))
        };
        let running = self.nodes.iter().filter(|node| node.site.runs());
        let (due_ms, node) = running.filter_map(due).min()?;
        Some(((due_ms + late_ms).max(self.now_ms), node))
    }
}
