//! Everything there is, and one event after the other.

use std::time::{Duration, Instant};

use fastrand::Rng;
use trunkline_node::{
    custody::{Custody, Fate, Here, Party},
    defaults::TICK,
};
use trunkline_protocol::{
    Incarnation, Outcome,
    lane::{Receipt, Verdict},
};

use crate::{
    checker::{Checker, Demand, Fact},
    directory::Directory,
    node::{self, Batch, Hands, LANES, Link, Node, Note, limit_ms},
    relay::{Port, Relay, Reply},
    session::Answer,
    weather::Weather,
};

/// How many sessions a user has on a node at most.
const SESSIONS_MAX: usize = 2;

/// Something that is under way, and can get one stage further.
#[derive(Clone, Copy, Debug)]
enum Step {
    QuicTakes { node: usize, lane: usize },
    RelayReads { node: usize, lane: usize },
    NodeReads { node: usize, lane: usize },
    ReceiptLeaves { node: usize },
    RelayReadsReceipt { node: usize },
    ReplyArrives { node: usize },
    SocketTakes { node: usize, session: usize },
    DirectoryReads { node: usize, look_up: usize },
    LookUpAnswered { node: usize, look_up: usize },
    DirectoryHears { change: usize },
    Purge { purge: usize },
    RebuildEnds,
    LossNoticed { node: usize },
    Hello { node: usize },
    Reincarnates { node: usize },
    GoneHeard { node: usize },
}

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
    steps: Vec<Step>,
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
        act: impl FnOnce(&mut Custody<Note>, Instant, &mut Hands<'_>) -> R,
    ) -> R {
        let now = self.start + Duration::from_millis(self.now_ms);
        self.now_at += 1;
        let Node { custody, site } = &mut self.nodes[node];
        let (now_ms, now_at) = (self.now_ms, self.now_at);
        let (checker, weather) = (&mut self.checker, &self.weather);
        let result = act(custody, now, &mut Hands { site, checker, weather, now_ms, now_at });
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
            let Some(before_ms) = fact.accepted_ms.checked_sub(limit_ms(&self.weather.limits))
            else {
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
        self.directory.will_change(node, user);
        if at_once && self.nodes[node].site.can_register() {
            self.directory_hears(self.directory.stale.len() - 1);
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

/// What gets one stage further.
impl World {
    /// Lets one of the things that are under way get further; `false` if nothing is.
    pub(crate) fn carry(&mut self, rng: &mut Rng) -> bool {
        self.collect_steps();
        if self.steps.is_empty() {
            return false;
        }
        let step = self.steps[rng.usize(..self.steps.len())];
        self.checker.note(|| format!("{step:?}"));
        self.carry_out(step, rng);
        true
    }

    fn collect_steps(&mut self) {
        let mut steps = std::mem::take(&mut self.steps);
        steps.clear();
        for node in 0..self.nodes.len() {
            self.collect_links(node, &mut steps);
            if self.nodes[node].site.runs() {
                self.collect_inside(node, &mut steps);
            }
        }
        for (change, &(node, _)) in self.directory.stale.iter().enumerate() {
            if self.nodes[node].site.can_register() {
                steps.push(Step::DirectoryHears { change });
            }
        }
        steps.extend((0..self.directory.purges.len()).map(|purge| Step::Purge { purge }));
        if self.can_end_rebuild() {
            steps.push(Step::RebuildEnds);
        }
        self.steps = steps;
    }

    fn collect_links(&self, node: usize, steps: &mut Vec<Step>) {
        let (site, port) = (&self.nodes[node].site, &self.relay.ports[node]);
        for lane in 0..LANES {
            if !port.from_node[lane].is_empty() {
                steps.push(Step::RelayReads { node, lane });
            }
        }
        if !port.receipts.is_empty() {
            steps.push(Step::RelayReadsReceipt { node });
        }
        for (look_up, asked) in site.look_ups.iter().enumerate() {
            if asked.found.is_none() {
                steps.push(Step::DirectoryReads { node, look_up });
            }
        }
    }

    fn collect_inside(&self, node: usize, steps: &mut Vec<Step>) {
        let (site, port) = (&self.nodes[node].site, &self.relay.ports[node]);
        for lane in 0..LANES {
            if site.link != Link::Down && !site.lanes[lane].open.is_empty() {
                steps.push(Step::QuicTakes { node, lane });
            }
            if !port.to_node[lane].is_empty() {
                steps.push(Step::NodeReads { node, lane });
            }
        }
        if site.link != Link::Down && !site.receipts.is_empty() {
            steps.push(Step::ReceiptLeaves { node });
        }
        if !port.replies.is_empty() {
            steps.push(Step::ReplyArrives { node });
        }
        for session in site.sessions.waiting() {
            steps.push(Step::SocketTakes { node, session });
        }
        for (look_up, asked) in site.look_ups.iter().enumerate() {
            if asked.found.is_some() {
                steps.push(Step::LookUpAnswered { node, look_up });
            }
        }
        let events = [
            (site.link == Link::Broken, Step::LossNoticed { node }),
            (site.link == Link::Up && port.hello != site.incarnation(), Step::Hello { node }),
            (site.condemned, Step::Reincarnates { node }),
            (!site.gone.is_empty(), Step::GoneHeard { node }),
        ];
        steps.extend(events.into_iter().filter(|(can, _)| *can).map(|(_, step)| step));
    }

    fn carry_out(&mut self, step: Step, rng: &mut Rng) {
        match step {
            Step::QuicTakes { node, lane } => self.quic_takes(node, lane),
            Step::RelayReads { node, lane } => {
                self.relay.read(node, lane, self.weather.relay_room);
            }
            Step::NodeReads { node, lane } => self.node_reads(node, lane),
            Step::ReceiptLeaves { node } => self.receipt_leaves(node, rng.bool()),
            Step::RelayReadsReceipt { node } => self.relay.read_receipt(node),
            Step::ReplyArrives { node } => self.reply_arrives(node),
            Step::SocketTakes { node, session } => {
                self.nodes[node].site.sessions.take(session, &mut self.checker);
                self.fetch_answers(node, rng.bool());
            }
            Step::DirectoryReads { node, look_up } => {
                let asked = &mut self.nodes[node].site.look_ups[look_up];
                asked.found = Some(self.directory.look_up(asked.user));
            }
            Step::LookUpAnswered { node, look_up } => self.look_up_answered(node, look_up, true),
            Step::DirectoryHears { change } => self.directory_hears(change),
            Step::Purge { purge } => {
                let incarnation = self.directory.purges.swap_remove(purge);
                self.directory.purge(incarnation);
            }
            Step::RebuildEnds => self.end_rebuild(),
            Step::LossNoticed { node } => self.loss_noticed(node),
            Step::Hello { node } => {
                self.relay.ports[node].greet(self.nodes[node].site.incarnation());
            }
            Step::Reincarnates { node } => self.reincarnate(node),
            Step::GoneHeard { node } => self.gone_heard(node),
        }
    }

    fn quic_takes(&mut self, node: usize, lane: usize) {
        let site = &mut self.nodes[node].site;
        let Some(batch) = site.lanes[lane].open.pop_front() else { return };
        site.lanes[lane].handed = batch.number;
        if site.link == Link::Up && self.relay.ports[node].up {
            self.relay.ports[node].from_node[lane].push_back(batch);
        }
    }

    fn node_reads(&mut self, node: usize, lane: usize) {
        let Some(batch) = self.relay.ports[node].to_node[lane].pop_front() else { return };
        let site = &mut self.nodes[node].site;
        for (seq, id) in batch.notes {
            let user = self.checker.facts[id as usize].user;
            let answer = |verdict| Answer::to(Some(batch.origin), seq, verdict);
            match site.sessions.offer(user, id, answer(Verdict::Taken), self.weather.socket_room) {
                Here::Nobody => site.receipts.push_back(answer(Verdict::NotHere)),
                Here::Full => site.receipts.push_back(answer(Verdict::Full)),
                Here::Waiting => {}
            }
        }
    }

    fn receipt_leaves(&mut self, node: usize, may_say_old: bool) {
        let site = &mut self.nodes[node].site;
        let Some(mut answer) = site.receipts.pop_front() else { return };
        if site.link != Link::Up || !self.relay.ports[node].up {
            return;
        }
        // The user of the message is known by whoever asks for it; here it is enough that some are.
        let old = (0..self.weather.users).any(|user| self.directory.is_elsewhere(user, node));
        answer.receipt.route_old = self.weather.tells_old_routes && may_say_old && old;
        self.relay.ports[node].receipts.push_back(answer);
    }

    /// Passes on what sockets have answered: to this node's custody, or to other nodes.
    pub(crate) fn fetch_answers(&mut self, node: usize, may_say_old: bool) {
        while let Some(mut answer) = self.nodes[node].site.sessions.answers.pop_front() {
            if answer.origin.is_some() {
                self.nodes[node].site.receipts.push_back(answer);
                continue;
            }
            answer.receipt.route_old = self.weather.tells_old_routes && may_say_old;
            self.answered(node, Party::Here, answer.receipt);
        }
    }

    fn reply_arrives(&mut self, node: usize) {
        match self.relay.ports[node].replies.pop_front() {
            Some(Reply::Receipt { from, receipt }) => {
                self.answered(node, Party::Node(from), receipt);
            }
            Some(Reply::Refusal { batch, fate }) => self.refused(node, &batch, fate),
            None => {}
        }
    }

    fn answered(&mut self, node: usize, party: Party, receipt: Receipt) {
        let site = &mut self.nodes[node].site;
        let id = site.id(receipt.seq);
        if receipt.route_old || receipt.verdict == Verdict::NotHere {
            site.known[self.checker.facts[id as usize].user].forget();
        }
        self.checker.answered(id, party, receipt.verdict);
        self.checker.note(|| format!(" m{id} at {party:?}: {:?}", receipt.verdict));
        self.call(node, |custody, now, hands| custody.answered(now, hands, party, receipt));
        self.checker.heard(id);
    }

    fn refused(&mut self, node: usize, batch: &Batch, fate: Fate) {
        let site = &mut self.nodes[node].site;
        for &(_, id) in &batch.notes {
            if fate == Fate::NotReached {
                site.known[self.checker.facts[id as usize].user].forget();
            }
            if batch.link == site.links {
                self.checker.refuted(id, Party::Node(batch.destination));
            }
        }
        self.checker.note(|| format!(" batch {} is refused: {fate:?}", batch.number));
        let (to, number, seqs) = (batch.destination, batch.number, batch.seqs());
        self.call(node, |custody, now, hands| custody.refused(now, hands, to, number, seqs, fate));
    }

    /// A look-up comes to its end; `false` if the directory could not be asked.
    pub(crate) fn look_up_answered(&mut self, node: usize, look_up: usize, works: bool) {
        let site = &mut self.nodes[node].site;
        let mut look_up = site.look_ups.swap_remove(look_up);
        let found = look_up.found.take().unwrap_or_else(|| self.directory.look_up(look_up.user));
        let missed = works && found.is_empty() && !site.rebuilding;
        if works {
            // If the answer names this node, a send that was denied here takes that for a ghost.
            let names_here = found.iter().any(|place| site.incarnations.contains(place));
            let denied = self.checker.pending(node, look_up.user).any(|fact| fact.denied);
            let good = !(found.is_empty() || (names_here && denied));
            let good_ms = if good { limit_ms(&self.weather.limits) } else { 0 };
            let known = &mut site.known[look_up.user];
            known.names_here = names_here;
            known.learn(look_up.asked_ms, &found, good_ms);
        }
        for fact in self.checker.pending(node, look_up.user) {
            fact.missed |= missed && fact.accepted_at <= look_up.asked_at;
            fact.failed |= !works || found.is_empty();
        }
        self.checker.note(|| format!(" u{} is at {:?}", look_up.user, works.then_some(&found)));
        let key = Weather::key(look_up.user).parse().expect("the key of a user");
        self.call(node, |custody, now, hands| {
            custody.routed(now, hands, &key, node::answer(works.then_some(&found)));
        });
    }

    fn directory_hears(&mut self, change: usize) {
        let (node, user) = self.directory.stale.swap_remove(change);
        let site = &self.nodes[node].site;
        let has = site.sessions.has(user).then(|| site.incarnation());
        self.directory.say(node, user, has, self.now_ms);
    }

    pub(crate) fn loss_noticed(&mut self, node: usize) {
        let site = &mut self.nodes[node].site;
        (site.link, site.links) = (Link::Down, site.links + 1);
        for lane in &mut site.lanes {
            for batch in lane.open.drain(..) {
                for &(_, id) in &batch.notes {
                    self.checker.refuted(id, Party::Node(batch.destination));
                }
            }
        }
        let handed = site.handed();
        self.call(node, |custody, now, hands| custody.link_lost(now, hands, handed));
    }

    fn gone_heard(&mut self, node: usize) {
        let site = &mut self.nodes[node].site;
        let Some(gone) = site.gone.pop() else { return };
        site.known.iter_mut().for_each(|known| known.forget_node(gone));
        for &id in &site.ids {
            let fact = self.checker.fact(id);
            fact.doubtful |= fact.attempts.contains(&Party::Node(gone));
        }
        self.call(node, |custody, now, _| custody.gone(now, gone));
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
