//! Faults, and their repair.

use fastrand::Rng;

use crate::{
    node::{LinkState, ProcessState, SimulatedNode},
    world::World,
};

impl World {
    /// A node's link is lost, and the node has yet to notice.
    pub(crate) fn break_link(&mut self, node: usize, rng: &mut Rng) {
        let process = &mut self.nodes[node].process;
        if process.link != LinkState::Up {
            return;
        }
        process.link = LinkState::Broken;
        self.checker.note(|| format!("the link of n{node} is lost"));
        self.relay.break_link(node, rng);
        self.lose_receipts(node, rng);
    }

    /// Drops the receipts that have not left, or keeps them for the next link.
    fn lose_receipts(&mut self, node: usize, rng: &mut Rng) {
        if rng.bool() {
            self.nodes[node].process.receipts.clear();
        }
    }

    pub(crate) fn relink(&mut self, node: usize) {
        let process = &mut self.nodes[node].process;
        if process.link != LinkState::Down || !process.is_running() || process.declared_dead {
            return;
        }
        let link = self.last_link.next();
        (process.link, process.link_id, self.last_link) = (LinkState::Up, link, link);
        self.relay.ports[node].link_up(link, process.incarnation());
        self.checker.note(|| format!("n{node} is linked again"));
        self.call(node, |custody, now, env| custody.link_up(now, env, link));
    }

    pub(crate) fn restart_relay(&mut self, rng: &mut Rng) {
        self.checker.note(|| "the relay restarts".to_owned());
        self.relay.restart(rng);
        for node in 0..self.nodes.len() {
            if self.nodes[node].process.link == LinkState::Up {
                self.nodes[node].process.link = LinkState::Broken;
                self.lose_receipts(node, rng);
            }
        }
    }

    pub(crate) fn freeze(&mut self, node: usize) {
        let process = &mut self.nodes[node].process;
        if process.is_running() {
            process.state = ProcessState::Frozen;
            self.checker.note(|| format!("n{node} freezes"));
        }
    }

    pub(crate) fn thaw(&mut self, node: usize) {
        let process = &mut self.nodes[node].process;
        if process.state == ProcessState::Frozen {
            (process.state, process.awake_ms) = (ProcessState::Running, self.now_ms);
            self.checker.note(|| format!("n{node} thaws"));
        }
    }

    pub(crate) fn die(&mut self, node: usize, rng: &mut Rng) {
        let process = &mut self.nodes[node].process;
        if process.state == ProcessState::Dead {
            return;
        }
        process.state = ProcessState::Dead;
        self.checker.note(|| format!("n{node} dies"));
        self.checker.died(&process.ids);
        process.sessions.die(rng.bool(), &mut self.checker);
        process.receipts.clear();
        process.look_ups.clear();
        self.relay.break_link(node, rng);
        self.relay.ports[node].drop_unread();
    }

    /// Starts a dead node again. It has forgotten everything.
    pub(crate) fn start(&mut self, node: usize) {
        if self.nodes[node].process.state != ProcessState::Dead {
            return;
        }
        self.declare_dead(node);
        let incarnation = self.fresh_incarnation();
        let rebuilding = self.nodes.iter().any(|other| other.process.rebuilding);
        self.nodes[node] = SimulatedNode::new(node, incarnation, self.last_link, &self.conditions);
        let process = &mut self.nodes[node].process;
        (process.link, process.rebuilding, process.awake_ms) =
            (LinkState::Down, rebuilding, self.now_ms);
        self.checker.note(|| format!("n{node} starts as {incarnation:?}"));
    }

    /// Declares a node dead that is silent, whether it is dead or not.
    pub(crate) fn declare_dead(&mut self, node: usize) {
        let process = &mut self.nodes[node].process;
        if process.declared_dead || (process.is_running() && process.link == LinkState::Up) {
            return;
        }
        process.declared_dead = true;
        let gone = process.incarnation();
        self.checker.note(|| format!("n{node} is declared dead"));
        self.directory.purges.push(gone);
        for other in &mut self.nodes {
            if other.process.index != node {
                other.process.gone.push(gone);
            }
        }
        self.relay.ports[node].up = false;
        let process = &mut self.nodes[node].process;
        if process.link == LinkState::Up {
            process.link = LinkState::Broken;
        }
    }

    /// A running node that was declared dead starts a new incarnation.
    pub(crate) fn reincarnate(&mut self, node: usize) {
        let incarnation = self.fresh_incarnation();
        let process = &mut self.nodes[node].process;
        process.incarnations.insert(0, incarnation);
        process.declared_dead = false;
        self.register_all(node);
    }

    /// The directory loses everything. Nodes that miss their lease start a new incarnation.
    pub(crate) fn empty_directory(&mut self, rng: &mut Rng) {
        self.checker.note(|| "the directory is emptied".to_owned());
        self.directory.empty();
        for node in 0..self.nodes.len() {
            self.nodes[node].process.rebuilding = true;
            if self.nodes[node].process.is_running() && rng.bool() {
                self.reincarnate(node);
            }
            self.register_all(node);
        }
    }

    fn register_all(&mut self, node: usize) {
        for user in 0..self.conditions.users {
            if self.nodes[node].process.sessions.has(user) {
                self.directory.will_change(node, user);
            }
        }
    }

    pub(crate) fn can_end_rebuild(&self) -> bool {
        let runs = |node: usize| self.nodes[node].process.can_register();
        self.nodes.iter().any(|node| node.process.rebuilding)
            && !self.directory.stale.iter().any(|&(node, _)| runs(node))
    }

    pub(crate) fn end_rebuild(&mut self) {
        for node in &mut self.nodes {
            node.process.rebuilding = false;
        }
    }

    /// Repairs every fault.
    pub(crate) fn repair_all(&mut self) {
        for node in 0..self.nodes.len() {
            self.thaw(node);
            self.start(node);
            if self.nodes[node].process.link == LinkState::Broken {
                self.loss_noticed(node);
            }
            if self.nodes[node].process.declared_dead {
                self.reincarnate(node);
            }
            self.relink(node);
        }
    }
}
