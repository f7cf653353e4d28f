//! A node: a real custody, and what it has its hands on.

use std::collections::VecDeque;

use smallvec::SmallVec;
use trunkline_node::custody::{Custody, Letter, LookUpFailed};
use trunkline_protocol::{Incarnation, lane::MESSAGE_LANES};

use crate::{
    directory::Places,
    session::{Answer, Sessions},
    weather::Weather,
};

/// How many of the lanes are used.
pub(crate) const LANES: usize = 2;

/// A message, as far as custody is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(crate) id: u32,
    pub(crate) sender: u64,
}

impl Letter for Note {
    fn bytes(&self) -> usize {
        10 + self.id as usize % 7
    }

    fn sender(&self) -> u64 {
        self.sender
    }
}

/// Messages that go to one node together.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) origin: Incarnation,
    pub(crate) destination: Incarnation,
    pub(crate) number: u32,
    /// Number and id of each message.
    pub(crate) notes: SmallVec<[(u64, u32); 4]>,
    /// The origin's link that it went by.
    pub(crate) link: u32,
}

/// One lane, from the node to its relay.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Batches that QUIC has not taken. Each may still grow.
    pub(crate) open: VecDeque<Batch>,
    /// The last one that it took.
    pub(crate) handed: u32,
}

/// What the node knows of its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Up,
    /// Broken, but the node has not noticed.
    Broken,
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Runs,
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
    pub(crate) found: Option<Places>,
}

/// What a node was told about a user's route.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// When the last answer that named each node was asked for.
    asked_ms: SmallVec<[(Incarnation, u64); 4]>,
    /// Until when the last answer is good, if nothing spoke against it.
    pub(crate) good_until_ms: u64,
    /// It named this node.
    pub(crate) names_here: bool,
}

/// A node, but for its custody.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) index: usize,
    pub(crate) life: Life,
    /// Since when it is not frozen.
    pub(crate) awake_ms: u64,
    pub(crate) condemned: bool,
    /// Its incarnations, the last one first.
    pub(crate) incarnations: SmallVec<[Incarnation; 4]>,
    pub(crate) link: Link,
    /// Counts its links.
    pub(crate) links: u32,
    pub(crate) lanes: [Lane; LANES],
    last_batch: u32,
    pub(crate) sessions: Sessions,
    /// Receipts for others.
    pub(crate) receipts: VecDeque<Answer>,
    pub(crate) look_ups: Vec<LookUp>,
    pub(crate) known: Vec<Known>,
    pub(crate) rebuilding: bool,
    /// Others that are gone, which its custody has yet to hear.
    pub(crate) gone: Vec<Incarnation>,
    /// The messages it accepted, by number.
    pub(crate) ids: Vec<u32>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) custody: Custody<Note>,
    pub(crate) site: Site,
}

impl Node {
    pub(crate) fn new(index: usize, incarnation: Incarnation, weather: &Weather) -> Self {
        let lane = || Lane { open: VecDeque::new(), handed: weather.first_batch };
        let site = Site {
            index,
            life: Life::Runs,
            awake_ms: 0,
            condemned: false,
            incarnations: SmallVec::from_slice(&[incarnation]),
            link: Link::Up,
            links: 0,
            lanes: [lane(), lane()],
            last_batch: weather.first_batch,
            sessions: Sessions::default(),
            receipts: VecDeque::new(),
            look_ups: Vec::new(),
            known: vec![Known::default(); weather.users],
            rebuilding: false,
            gone: Vec::new(),
            ids: Vec::new(),
        };
        Self { custody: Custody::new(weather.limits), site }
    }
}

impl Site {
    pub(crate) fn runs(&self) -> bool {
        self.life == Life::Runs
    }

    /// The directory hears only those that are not condemned.
    pub(crate) fn can_register(&self) -> bool {
        self.runs() && !self.condemned
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

    /// The batch that a message for that node goes into.
    pub(crate) fn batch_for(&mut self, lane: usize, destination: Incarnation) -> &mut Batch {
        let open = &mut self.lanes[lane].open;
        let at = open.iter().position(|batch| batch.destination == destination);
        let at = at.unwrap_or_else(|| {
            self.last_batch = self.last_batch.wrapping_add(1);
            open.push_back(Batch {
                origin: self.incarnations[0],
                destination,
                number: self.last_batch,
                notes: SmallVec::new(),
                link: self.links,
            });
            open.len() - 1
        });
        &mut open[at]
    }
}

impl Known {
    /// An answer has come to what was asked at `asked_ms`, and is good for so long from then.
    pub(crate) fn learn(&mut self, asked_ms: u64, found: &Places, good_ms: u64) {
        for &node in found {
            match self.asked_ms.iter_mut().find(|(other, _)| *other == node) {
                Some((_, before_ms)) => *before_ms = asked_ms,
                None => self.asked_ms.push((node, asked_ms)),
            }
        }
        self.good_until_ms = asked_ms + good_ms;
    }

    /// When the last answer that named that node was asked for.
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

/// The answer in the form that custody takes it.
pub(crate) fn answer(found: Option<&Places>) -> Result<&[Incarnation], LookUpFailed> {
    found.map(SmallVec::as_slice).ok_or(LookUpFailed)
}
