//! What goes wrong, and what mends it.

use fastrand::Rng;

use crate::{
    node::{Life, Link, Node},
    world::World,
};

impl World {
    /// A node's link breaks, and the node has yet to notice.
    pub(crate) fn break_link(&mut self, node: usize, rng: &mut Rng) {
        let site = &mut self.nodes[node].site;
        if site.link != Link::Up {
            return;
        }
        site.link = Link::Broken;
        self.checker.note(|| format!("the link of n{node} breaks"));
        self.relay.break_link(node, rng);
        self.lose_receipts(node, rng);
    }

    /// Receipts that had not left are kept for the next link, or not.
    fn lose_receipts(&mut self, node: usize, rng: &mut Rng) {
        if rng.bool() {
            self.nodes[node].site.receipts.clear();
        }
    }

    pub(crate) fn relink(&mut self, node: usize) {
        let site = &mut self.nodes[node].site;
        if site.link != Link::Down || !site.runs() || site.condemned {
            return;
        }
        site.link = Link::Up;
        self.relay.ports[node].link(site.incarnation());
        self.checker.note(|| format!("n{node} has a link again"));
        self.call(node, |custody, now, hands| custody.link_up(now, hands));
    }

    pub(crate) fn restart_relay(&mut self, rng: &mut Rng) {
        self.checker.note(|| "the relay restarts".to_owned());
        self.relay.restart(rng);
        for node in 0..self.nodes.len() {
            if self.nodes[node].site.link == Link::Up {
                self.nodes[node].site.link = Link::Broken;
                self.lose_receipts(node, rng);
            }
        }
    }

    pub(crate) fn freeze(&mut self, node: usize) {
        let site = &mut self.nodes[node].site;
        if site.runs() {
            site.life = Life::Frozen;
            self.checker.note(|| format!("n{node} freezes"));
        }
    }

    pub(crate) fn thaw(&mut self, node: usize) {
        let site = &mut self.nodes[node].site;
        if site.life == Life::Frozen {
            (site.life, site.awake_ms) = (Life::Runs, self.now_ms);
            self.checker.note(|| format!("n{node} thaws"));
        }
    }

    pub(crate) fn die(&mut self, node: usize, rng: &mut Rng) {
        let site = &mut self.nodes[node].site;
        if site.life == Life::Dead {
            return;
        }
        site.life = Life::Dead;
        self.checker.note(|| format!("n{node} dies"));
        self.checker.died(&site.ids);
        site.sessions.die(rng.bool(), &mut self.checker);
        site.receipts.clear();
        site.look_ups.clear();
        self.relay.break_link(node, rng);
        self.relay.ports[node].forget_process();
    }

    /// A dead node is started again: all it knew is lost.
    pub(crate) fn start(&mut self, node: usize) {
        if self.nodes[node].site.life != Life::Dead {
            return;
        }
        self.condemn(node);
        let incarnation = self.fresh_incarnation();
        let rebuilding = self.nodes.iter().any(|other| other.site.rebuilding);
        self.nodes[node] = Node::new(node, incarnation, &self.weather);
        self.relay.ports[node].hello = incarnation;
        let site = &mut self.nodes[node].site;
        (site.link, site.rebuilding, site.awake_ms) = (Link::Down, rebuilding, self.now_ms);
        self.checker.note(|| format!("n{node} starts as {incarnation:?}"));
    }

    /// A node that is silent is judged dead, be it so or not.
    pub(crate) fn condemn(&mut self, node: usize) {
        let site = &mut self.nodes[node].site;
        if site.condemned || (site.runs() && site.link == Link::Up) {
            return;
        }
        site.condemned = true;
        let gone = site.incarnation();
        self.checker.note(|| format!("n{node} is condemned"));
        self.directory.purges.push(gone);
        for other in &mut self.nodes {
            if other.site.index != node {
                other.site.gone.push(gone);
            }
        }
        self.relay.ports[node].up = false;
        let site = &mut self.nodes[node].site;
        if site.link == Link::Up {
            site.link = Link::Broken;
        }
    }

    /// A node that was condemned goes on under a new name.
    pub(crate) fn reincarnate(&mut self, node: usize) {
        let incarnation = self.fresh_incarnation();
        let site = &mut self.nodes[node].site;
        site.incarnations.insert(0, incarnation);
        site.condemned = false;
        self.register_all(node);
    }

    /// The directory loses everything, and nodes that miss their lease take a new name.
    pub(crate) fn wipe(&mut self, rng: &mut Rng) {
        self.checker.note(|| "the directory is emptied".to_owned());
        self.directory.wipe();
        for node in 0..self.nodes.len() {
            self.nodes[node].site.rebuilding = true;
            if self.nodes[node].site.runs() && rng.bool() {
                self.reincarnate(node);
            }
            self.register_all(node);
        }
    }

    fn register_all(&mut self, node: usize) {
        for user in 0..self.weather.users {
            if self.nodes[node].site.sessions.has(user) {
                self.directory.will_change(node, user);
            }
        }
    }

    pub(crate) fn can_end_rebuild(&self) -> bool {
        let runs = |node: usize| self.nodes[node].site.can_register();
        self.nodes.iter().any(|node| node.site.rebuilding)
            && !self.directory.stale.iter().any(|&(node, _)| runs(node))
    }

    pub(crate) fn end_rebuild(&mut self) {
        for node in &mut self.nodes {
            node.site.rebuilding = false;
        }
    }

    /// Everything that is broken is mended.
    pub(crate) fn mend(&mut self) {
        for node in 0..self.nodes.len() {
            self.thaw(node);
            self.start(node);
            if self.nodes[node].site.link == Link::Broken {
                self.loss_noticed(node);
            }
            if self.nodes[node].site.condemned {
                self.reincarnate(node);
            }
            self.relink(node);
        }
    }
}
