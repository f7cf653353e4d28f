//! A relay that forwards batches, refuses those it cannot forward, and loses all that it holds when
//! it restarts. It is as strict as the real one: a receipt reaches an incarnation only by a link that
//! has it *now*, and a refusal goes back by the link that the batch came by, or not at all.

use std::{collections::VecDeque, ops::RangeInclusive};

use fastrand::Rng;
use trunkline_node::custody::{BranchResult, RelayLinkId};
use trunkline_protocol::{Incarnation, lane::Receipt};

use crate::{
    node::{LANES, SimulatedBatch},
    session::PendingReceipt,
};

/// An answer on its way to the node that has custody.
#[derive(Clone, Debug)]
pub(crate) enum RelayReply {
    Receipt { from: Incarnation, receipt: Receipt },
    Refusal { batch: SimulatedBatch, result: BranchResult },
}

/// The relay's end of one node's link, and what is in transit on it.
#[derive(Debug)]
pub(crate) struct RelayPort {
    pub(crate) up: bool,
    /// The node's link, or the last one it had.
    link: RelayLinkId,
    /// The link is lost and the relay has not noticed: what it forwards there vanishes.
    black_hole: bool,
    /// The incarnation of the node's last hello: the port's address.
    pub(crate) incarnation: Incarnation,
    /// Batches that the node's QUIC has taken.
    pub(crate) from_node: [VecDeque<SimulatedBatch>; LANES],
    pub(crate) to_node: [VecDeque<SimulatedBatch>; LANES],
    pub(crate) receipts: VecDeque<PendingReceipt>,
    pub(crate) replies: VecDeque<RelayReply>,
}

/// The relay.
#[derive(Debug, Default)]
pub(crate) struct SimulatedRelay {
    pub(crate) ports: Vec<RelayPort>,
}

impl RelayPort {
    pub(crate) fn new(incarnation: Incarnation, link: RelayLinkId) -> Self {
        Self {
            up: true,
            link,
            black_hole: false,
            incarnation,
            from_node: Default::default(),
            to_node: Default::default(),
            receipts: VecDeque::new(),
            replies: VecDeque::new(),
        }
    }

    pub(crate) fn link_up(&mut self, link: RelayLinkId, incarnation: Incarnation) {
        (self.up, self.black_hole) = (true, false);
        (self.link, self.incarnation) = (link, incarnation);
    }

    /// Loses what the node has not read: its end of the link is gone.
    pub(crate) fn drop_unread(&mut self) {
        self.to_node.iter_mut().for_each(VecDeque::clear);
        self.replies.clear();
    }
}

impl SimulatedRelay {
    /// Forwards the first batch of a node's lane, or refuses it.
    pub(crate) fn read(&mut self, node: usize, lane: usize, room: usize) {
        let port = &mut self.ports[node];
        let Some(mut batch) = port.from_node[lane].pop_front() else { return };
        // What is left of a lost link keeps the address that it had.
        if batch.link == port.link {
            batch.origin = port.incarnation;
        }
        let to = self.ports.iter_mut().find(|port| port.incarnation == batch.destination);
        match to {
            Some(port) if port.up && port.to_node[lane].len() >= room => {
                self.refuse(batch, BranchResult::Full);
            }
            Some(port) if port.up => port.to_node[lane].push_back(batch),
            Some(port) if port.black_hole => {}
            _ => self.refuse(batch, BranchResult::NotReached),
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
        let mut linked = self.ports.iter_mut().filter(|port| port.up);
        if let Some(port) = linked.find(|port| port.incarnation == origin) {
            port.replies.push_back(RelayReply::Receipt { from, receipt });
        }
    }

    fn refuse(&mut self, batch: SimulatedBatch, result: BranchResult) {
        let mut linked = self.ports.iter_mut().filter(|port| port.up);
        if let Some(port) = linked.find(|port| port.link == batch.link) {
            port.replies.push_back(RelayReply::Refusal { batch, result });
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
            self.refuse(batch, BranchResult::NotReached);
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

impl SimulatedBatch {
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
