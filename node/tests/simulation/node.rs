//! A simulated node: a real custody, and a model of the process around it.

use std::collections::VecDeque;

use smallvec::SmallVec;
use trunkline_node::custody::{Custody, LookUpFailed, Payload, RelayLinkId};
use trunkline_protocol::{Incarnation, lane::MESSAGE_LANES};

use crate::{
    conditions::Conditions,
    directory::Locations,
    session::{PendingReceipt, SimulatedSessions},
};

/// How many of the lanes are used.
pub(crate) const LANES: usize = 2;

/// A message, as far as custody is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestMessage {
    pub(crate) id: u32,
    pub(crate) sender: u64,
}

impl Payload for TestMessage {
    fn bytes(&self) -> usize {
        10 + self.id as usize % 7
    }

    fn sender(&self) -> u64 {
        self.sender
    }
}

/// Messages for one node that travel together.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedBatch {
    /// The sending node, as the relay stamps it.
    pub(crate) origin: Incarnation,
    pub(crate) destination: Incarnation,
    pub(crate) number: u32,
    /// Number and id of each message.
    pub(crate) messages: SmallVec<[(u64, u32); 4]>,
    /// The sending node's link that it goes by.
    pub(crate) link: RelayLinkId,
}

/// One lane from a node to the relay.
#[derive(Debug, Default)]
pub(crate) struct SimulatedLane {
    /// Batches that QUIC has not taken. Each may still grow.
    pub(crate) open: VecDeque<SimulatedBatch>,
    /// The last one that it took.
    pub(crate) handed: u32,
}

/// A link as its node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    Up,
    /// Lost, but the node has not noticed.
    Broken,
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessState {
    Running,
    Frozen,
    Dead,
}

/// A question to the directory that has not been answered.
#[derive(Debug)]
pub(crate) struct LookUp {
    pub(crate) user: usize,
    pub(crate) asked_ms: u64,
    pub(crate) asked_at: u64,
    /// What the directory said, when it has read the question.
    pub(crate) found: Option<Locations>,
}

/// What a node has learned about a user's route: the model that custody is checked against.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelRoute {
    /// The nodes that an answer has named, and when the last such answer was asked for.
    asked_ms: SmallVec<[(Incarnation, u64); 4]>,
    /// Until when the last answer may be used.
    pub(crate) good_until_ms: u64,
    /// The last answer named this node.
    pub(crate) names_here: bool,
}

/// All of a node but its custody.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    pub(crate) index: usize,
    pub(crate) state: ProcessState,
    /// When it was started, or thawed last.
    pub(crate) awake_ms: u64,
    pub(crate) declared_dead: bool,
    /// Its incarnations, the current one first.
    pub(crate) incarnations: SmallVec<[Incarnation; 4]>,
    pub(crate) link: LinkState,
    /// Its link, or the last one it had.
    pub(crate) link_id: RelayLinkId,
    pub(crate) lanes: [SimulatedLane; LANES],
    last_batch: u32,
    pub(crate) sessions: SimulatedSessions,
    /// Receipts for other nodes.
    pub(crate) receipts: VecDeque<PendingReceipt>,
    pub(crate) look_ups: Vec<LookUp>,
    pub(crate) routes: Vec<ModelRoute>,
    pub(crate) rebuilding: bool,
    /// Other nodes that are gone, which has yet to be reported to custody.
    pub(crate) gone: Vec<Incarnation>,
    /// The ids of the messages that it accepted, by number.
    pub(crate) ids: Vec<u32>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct SimulatedNode {
    pub(crate) custody: Custody<TestMessage>,
    pub(crate) process: NodeProcess,
}

impl SimulatedNode {
    pub(crate) fn new(
        index: usize,
        incarnation: Incarnation,
        link_id: RelayLinkId,
        conditions: &Conditions,
    ) -> Self {
        let lane = || SimulatedLane { open: VecDeque::new(), handed: conditions.first_batch };
        let process = NodeProcess {
            index,
            state: ProcessState::Running,
            awake_ms: 0,
            declared_dead: false,
            incarnations: SmallVec::from_slice(&[incarnation]),
            link: LinkState::Up,
            link_id,
            lanes: [lane(), lane()],
            last_batch: conditions.first_batch,
            sessions: SimulatedSessions::default(),
            receipts: VecDeque::new(),
            look_ups: Vec::new(),
            routes: vec![ModelRoute::default(); conditions.users],
            rebuilding: false,
            gone: Vec::new(),
            ids: Vec::new(),
        };
        Self { custody: Custody::new(conditions.limits), process }
    }
}

impl NodeProcess {
    pub(crate) fn is_running(&self) -> bool {
        self.state == ProcessState::Running
    }

    /// Whether it can update the directory: the lease of one that was declared dead is gone.
    pub(crate) fn can_register(&self) -> bool {
        self.is_running() && !self.declared_dead
    }

    pub(crate) fn incarnation(&self) -> Incarnation {
        self.incarnations[0]
    }

    pub(crate) fn handed(&self) -> [u32; MESSAGE_LANES] {
        std::array::from_fn(|lane| self.lanes.get(lane).map_or(0, |lane| lane.handed))
    }

    /// The id of the message with that number.
    pub(crate) fn id(&self, seq: u64) -> u32 {
        self.ids[seq as usize - 1]
    }

    /// The batch that a message for `destination` goes into.
    pub(crate) fn batch_for(
        &mut self,
        lane: usize,
        destination: Incarnation,
    ) -> &mut SimulatedBatch {
        let open = &mut self.lanes[lane].open;
        let at = open.iter().position(|batch| batch.destination == destination);
        let at = at.unwrap_or_else(|| {
            self.last_batch = self.last_batch.wrapping_add(1);
            open.push_back(SimulatedBatch {
                origin: self.incarnations[0],
                destination,
                number: self.last_batch,
                messages: SmallVec::new(),
                link: self.link_id,
            });
            open.len() - 1
        });
        &mut open[at]
    }
}

impl ModelRoute {
    /// An answer has come to the question of `asked_ms`. It may be used for `good_ms` from then.
    pub(crate) fn learn(&mut self, asked_ms: u64, found: &Locations, good_ms: u64) {
        for &node in found {
            match self.asked_ms.iter_mut().find(|(other, _)| *other == node) {
                Some((_, before_ms)) => *before_ms = asked_ms,
                None => self.asked_ms.push((node, asked_ms)),
            }
        }
        self.good_until_ms = asked_ms + good_ms;
    }

    /// When the last answer that named `node` was asked for.
    pub(crate) fn asked_ms(&self, node: Incarnation) -> Option<u64> {
        self.asked_ms.iter().find(|(other, _)| *other == node).map(|&(_, ms)| ms)
    }

    pub(crate) fn forget(&mut self) {
        self.good_until_ms = 0;
    }

    pub(crate) fn forget_node(&mut self, node: Incarnation) {
        if self.asked_ms(node).is_some() {
            self.good_until_ms = 0;
        }
    }
}

/// The directory's answer, as custody takes it.
pub(crate) fn answer(found: Option<&Locations>) -> Result<&[Incarnation], LookUpFailed> {
    found.map(SmallVec::as_slice).ok_or(LookUpFailed)
}
