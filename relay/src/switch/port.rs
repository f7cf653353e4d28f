//! The egress lanes of one link.

use std::{cell::Cell, rc::Rc};

use trunkline_link::{
    Lane,
    defaults::{MESSAGE_LANE_BYTES_MAX, RECEIPT_LANE_BYTES_MAX},
};
use trunkline_protocol::{
    Incarnation,
    lane::{LANES, RECEIPT_LANE},
};

use super::traffic::TrafficSlot;

/// One link, as the switch sees it: its address, and its lanes towards the node.
#[derive(Debug)]
pub(crate) struct Port {
    pub(super) incarnation: Cell<Incarnation>,
    pub(super) slot: TrafficSlot,
    pub(super) egress: [Rc<EgressLane>; LANES],
}

impl Port {
    pub(super) fn new(incarnation: Incarnation, slot: TrafficSlot) -> Rc<Self> {
        let egress = std::array::from_fn(|lane| Rc::new(EgressLane::new(lane)));
        Rc::new(Self { incarnation: Cell::new(incarnation), slot, egress })
    }

    /// Its address.
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.incarnation.get()
    }

    /// The lanes towards the node, in order.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.egress.iter().map(|egress| &egress.lane)
    }
}

/// A lane towards a node, and whether it was appended to since its last flush.
#[derive(Debug)]
pub(super) struct EgressLane {
    pub(super) lane: Lane,
    is_dirty: Cell<bool>,
}

impl EgressLane {
    fn new(lane: usize) -> Self {
        let bytes_max =
            if lane == RECEIPT_LANE { RECEIPT_LANE_BYTES_MAX } else { MESSAGE_LANE_BYTES_MAX };
        Self { lane: Lane::new(bytes_max), is_dirty: Cell::new(false) }
    }

    pub(super) fn append(
        self: &Rc<Self>,
        dirty: &mut DirtyLanes,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        // A relay never asks which batch its lane has handed over, so all have one number.
        self.lane.append(0, write);
        if !self.is_dirty.replace(true) {
            dirty.0.push(self.clone());
        }
    }
}

/// The lanes that were appended to in one round of reading.
#[derive(Debug, Default)]
pub(crate) struct DirtyLanes(pub(super) Vec<Rc<EgressLane>>);

impl DirtyLanes {
    /// Wakes the writer of each lane once.
    pub(crate) fn flush(&mut self) {
        for egress in self.0.drain(..) {
            egress.is_dirty.set(false);
            egress.lane.flush();
        }
    }
}
