//! What is under way, and gets one stage further.

use fastrand::Rng;

use crate::{
    node::{LANES, Link},
    world::World,
};

/// Something that is under way, and can get one stage further.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
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
}
