//! A relay that forwards batches, refuses those it cannot forward, and loses all that it holds when
//! it restarts.

use std::{collections::VecDeque, ops::RangeInclusive};

use fastrand::Rng;
use smallvec::SmallVec;
use trunkline_node::custody::BranchResult;
use trunkline_protocol::{Incarnation, lane::Receipt};

use crate::{
    node::{Batch, LANES},
    session::PendingReceipt,
};

/// An answer on its way to the node that has custody.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Receipt { from: Incarnation, receipt: Receipt },
    Refusal { batch: Batch, result: BranchResult },
}

/// The relay's end of one node's link, and what is in transit on it.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) up: bool,
    /// The link is lost and the relay has not noticed: what it forwards there vanishes.
    black_hole: bool,
    /// The incarnation of the node's last hello: the port's address.
    pub(crate) incarnation: Incarnation,
    /// Those that the same process was in before.
    former: SmallVec<[Incarnation; 4]>,
    /// Batches that the node's QUIC has taken.
    pub(crate) from_node: [VecDeque<Batch>; LANES],
    pub(crate) to_node: [VecDeque<Batch>; LANES],
    pub(crate) receipts: VecDeque<PendingReceipt>,
    pub(crate) replies: VecDeque<Reply>,
}

/// The relay.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    pub(crate) ports: Vec<Port>,
}

impl Port {
    pub(crate) fn new(incarnation: Incarnation) -> Self {
        Self {
            up: true,
            black_hole: false,
            incarnation,
            former: SmallVec::new(),
            from_node: Default::default(),
            to_node: Default::default(),
            receipts: VecDeque::new(),
            replies: VecDeque::new(),
        }
    }

    pub(crate) fn link_up(&mut self, incarnation: Incarnation) {
        (self.up, self.black_hole) = (true, false);
        self.hello(incarnation);
    }

    /// The node announces its incarnation.
    pub(crate) fn hello(&mut self, incarnation: Incarnation) {
        self.former.push(std::mem::replace(&mut self.incarnation, incarnation));
    }

    /// The node's process has died: nothing reaches it any more.
    pub(crate) fn forget_process(&mut self) {
        self.to_node.iter_mut().for_each(VecDeque::clear);
        self.replies.clear();
        self.former.clear();
    }

    fn is_for(&self, origin: Incarnation) -> bool {
        self.incarnation == origin || self.former.contains(&origin)
    }
}

impl Relay {
    /// Forwards the first batch of a node's lane, or refuses it.
    pub(crate) fn read(&mut self, node: usize, lane: usize, room: usize) {
        let port = &mut self.ports[node];
        let Some(batch) = port.from_node[lane].pop_front() else { return };
        let to = self.ports.iter_mut().find(|port| port.incarnation == batch.destination);
        match to {
            Some(port) if port.up && port.to_node[lane].len() >= room => {
                self.reply(batch.origin, Reply::Refusal { batch, result: BranchResult::Full });
            }
            Some(port) if port.up => port.to_node[lane].push_back(batch),
            Some(port) if port.black_hole => {}
            _ => {
                self.reply(batch.origin, Reply::Refusal { batch, result: BranchResult::NotReached })
            }
        }
    }

    /// Forwards the first receipt of a node.
    pub(crate) fn read_receipt(&mut self, node: usize) {
        let port = &mut self.ports[node];
        let Some(PendingReceipt { origin: Some(origin), receipt }) = port.receipts.pop_front()
        else {
            return;
        };
        let from = port.incarnation;
        self.reply(origin, Reply::Receipt { from, receipt });
    }

    fn reply(&mut self, to: Incarnation, reply: Reply) {
        if let Some(port) = self.ports.iter_mut().find(|port| port.up && port.is_for(to)) {
            port.replies.push_back(reply);
        }
    }

    /// A link is lost. Of what it carried, only the first part may still arrive; what the relay had
    /// not handed to it is refused.
    pub(crate) fn break_link(&mut self, node: usize, rng: &mut Rng) {
        let port = &mut self.ports[node];
        if !port.up {
            return;
        }
        (port.up, port.black_hole) = (false, rng.bool());
        port.from_node.iter_mut().for_each(|lane| truncate(lane, rng));
        truncate(&mut port.receipts, rng);
        truncate(&mut port.replies, rng);
        let mut unsent = Vec::new();
        for lane in &mut port.to_node {
            unsent.extend(lane.split_off(rng.usize(..=lane.len())));
            truncate(lane, rng);
        }
        for batch in unsent {
            self.reply(batch.origin, Reply::Refusal { batch, result: BranchResult::NotReached });
        }
    }

    /// Loses all that the relay holds, and every link.
    pub(crate) fn restart(&mut self, rng: &mut Rng) {
        for port in &mut self.ports {
            (port.up, port.black_hole) = (false, false);
            port.from_node.iter_mut().for_each(VecDeque::clear);
            port.receipts.clear();
            port.to_node.iter_mut().for_each(|lane| truncate(lane, rng));
            truncate(&mut port.replies, rng);
        }
    }
}

impl Batch {
    /// The lowest and the highest number in it.
    pub(crate) fn seqs(&self) -> RangeInclusive<u64> {
        let seqs = || self.messages.iter().map(|&(seq, _)| seq);
        seqs().min().unwrap_or(1)..=seqs().max().unwrap_or(0)
    }
}

/// Drops the last part of what is in transit.
fn truncate<T>(queue: &mut VecDeque<T>, rng: &mut Rng) {
    queue.truncate(rng.usize(..=queue.len()));
}
