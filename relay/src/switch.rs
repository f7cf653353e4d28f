//! Forwarding: a batch is routed by its header alone, copied once, and never waited for.

mod footprints;

use std::{
    cell::{Cell, Ref, RefCell},
    rc::Rc,
};

use hashbrown::HashMap;
use thiserror::Error;
use trunkline_link::{
    Lane,
    defaults::{MESSAGE_LANE_BYTES_MAX, RECEIPT_LANE_BYTES_MAX},
};
use trunkline_protocol::{
    Incarnation,
    lane::{Batch, BatchHeader, BatchKind, HEADER_BYTES, LANES, RECEIPT_LANE},
};

use crate::flows::{Flows, Slot};
use footprints::Footprints;
pub(crate) use footprints::{Footprint, Passage};

/// A batch that may not come from a node, or not on that lane. Its link is closed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a batch of kind {kind:?} has no place on lane {lane}")]
pub(crate) struct Misplaced {
    kind: BatchKind,
    lane: usize,
}

/// What was not passed on, since the relay started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turned {
    /// Messages sent back because the destination's lane was full.
    pub(crate) full: u64,
    /// Messages sent back because the destination had no link.
    pub(crate) gone: u64,
    /// Receipts, and messages whose refusal found no room either, that were dropped.
    pub(crate) dropped: u64,
}

/// The forwarding table: which incarnation is reached through which lanes.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    ports: RefCell<HashMap<Incarnation, Rc<Port>>>,
    flows: RefCell<Flows>,
    turned: Cell<Turned>,
    footprints: RefCell<Footprints>,
}

impl Switch {
    /// Passes one batch on to the link that its header names, with its origin stamped on it; or
    /// sends its header back, if there is no such link or no room. `lane` is the lane it came on,
    /// and the lane it leaves on.
    ///
    /// What was appended to is added to `touched`, for the caller to flush once per round.
    pub(crate) fn forward(
        &self,
        origin: &Port,
        lane: usize,
        batch: &Batch<'_>,
        touched: &mut Touched,
    ) -> Result<(), Misplaced> {
        let BatchHeader { kind, peer: destination, .. } = batch.header;
        if !belongs_on(lane, kind) {
            return Err(Misplaced { kind, lane });
        }
        let ports = self.ports.borrow();
        let Some(port) = ports.get(&destination) else {
            self.note(origin, &batch.header, Passage::Gone);
            self.turn_back(origin, &batch.header, BatchKind::RefusedGone, touched);
            return Ok(());
        };
        let outlet = &port.outlets[lane];
        let bytes = HEADER_BYTES + batch.frames.len();
        if !outlet.lane.has_room(bytes) {
            self.note(origin, &batch.header, Passage::Full);
            self.turn_back(origin, &batch.header, BatchKind::RefusedFull, touched);
            return Ok(());
        }
        let behind_bytes = outlet.lane.queued_bytes() as u64;
        self.note(origin, &batch.header, Passage::There { behind_bytes });
        let stamped = BatchHeader { peer: origin.incarnation.get(), ..batch.header };
        outlet.append(touched, |out| {
            out.extend_from_slice(&stamped.encode());
            out.extend_from_slice(batch.frames);
        });
        if kind == BatchKind::Messages {
            self.flows.borrow_mut().count(origin.slot, port.slot, batch.header.count, bytes);
        }
        Ok(())
    }

    /// Notes a batch in which a message is traced.
    fn note(&self, origin: &Port, header: &BatchHeader, passage: Passage) {
        if header.traced {
            self.footprints.borrow_mut().add(origin.incarnation(), header, passage);
        }
    }

    /// Where messages that are traced have passed.
    pub(crate) fn footprints(&self) -> Ref<'_, Footprints> {
        self.footprints.borrow()
    }

    /// Makes `port` reachable under its incarnation.
    pub(crate) fn connect(&self, port: &Rc<Port>) {
        self.ports.borrow_mut().insert(port.incarnation.get(), port.clone());
    }

    /// Makes `port` unreachable. Does nothing if another has taken its place.
    pub(crate) fn disconnect(&self, port: &Rc<Port>) {
        let mut ports = self.ports.borrow_mut();
        if ports.get(&port.incarnation.get()).is_some_and(|there| Rc::ptr_eq(there, port)) {
            ports.remove(&port.incarnation.get());
        }
    }

    /// Makes `port` reachable under another incarnation, and no longer under its former one.
    pub(crate) fn readdress(&self, port: &Rc<Port>, incarnation: Incarnation) {
        self.disconnect(port);
        port.incarnation.set(incarnation);
        self.connect(port);
    }

    /// Who sent how much to whom.
    pub(crate) fn flows(&self) -> &RefCell<Flows> {
        &self.flows
    }

    /// What was not passed on.
    pub(crate) fn turned(&self) -> Turned {
        self.turned.get()
    }

    /// Tells the origin of a batch of messages that it was not passed on. A receipt is dropped:
    /// custody of its message ends by its own deadline.
    fn turn_back(
        &self,
        origin: &Port,
        header: &BatchHeader,
        kind: BatchKind,
        touched: &mut Touched,
    ) {
        let messages = u64::from(header.count);
        let mut turned = self.turned.get();
        let outlet = &origin.outlets[RECEIPT_LANE];
        if header.kind != BatchKind::Messages {
            turned.dropped += messages;
        } else {
            match kind {
                BatchKind::RefusedFull => turned.full += messages,
                _ => turned.gone += messages,
            }
            if outlet.lane.has_room(HEADER_BYTES) {
                let refusal = header.refused(kind, header.peer).encode();
                outlet.append(touched, |out| out.extend_from_slice(&refusal));
            } else {
                turned.dropped += messages;
            }
        }
        self.turned.set(turned);
    }
}

/// Whether a node may send a batch of that kind on that lane.
fn belongs_on(lane: usize, kind: BatchKind) -> bool {
    match kind {
        BatchKind::Messages => lane != RECEIPT_LANE,
        BatchKind::Receipts | BatchKind::Notices => lane == RECEIPT_LANE,
        BatchKind::RefusedFull | BatchKind::RefusedGone => false,
    }
}

/// One link, as the switch sees it: its address, and its lanes towards the node.
#[derive(Debug)]
pub(crate) struct Port {
    incarnation: Cell<Incarnation>,
    slot: Slot,
    outlets: [Rc<Outlet>; LANES],
}

impl Port {
    /// A port that is not connected yet. `slot` is its node's place in the flows.
    pub(crate) fn new(incarnation: Incarnation, slot: Slot) -> Rc<Self> {
        let outlets = std::array::from_fn(|lane| Rc::new(Outlet::new(lane)));
        Rc::new(Self { incarnation: Cell::new(incarnation), slot, outlets })
    }

    /// Its address.
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.incarnation.get()
    }

    /// The lanes towards the node, in order.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.outlets.iter().map(|outlet| &outlet.lane)
    }
}

/// A lane towards a node, and whether it was appended to since it was last flushed.
#[derive(Debug)]
struct Outlet {
    lane: Lane,
    touched: Cell<bool>,
}

impl Outlet {
    fn new(lane: usize) -> Self {
        let bytes_max =
            if lane == RECEIPT_LANE { RECEIPT_LANE_BYTES_MAX } else { MESSAGE_LANE_BYTES_MAX };
        Self { lane: Lane::new(bytes_max), touched: Cell::new(false) }
    }

    fn append(self: &Rc<Self>, touched: &mut Touched, write: impl FnOnce(&mut Vec<u8>)) {
        // Nobody asks a relay's lane which batch it has handed over, so all have one number.
        self.lane.append(0, write);
        if !self.touched.replace(true) {
            touched.0.push(self.clone());
        }
    }
}

/// The lanes that were appended to in one round of reading.
#[derive(Debug, Default)]
pub(crate) struct Touched(Vec<Rc<Outlet>>);

impl Touched {
    /// Wakes the writer of each lane once.
    pub(crate) fn flush(&mut self) {
        for outlet in self.0.drain(..) {
            outlet.touched.set(false);
            outlet.lane.flush();
        }
    }
}

#[cfg(test)]
mod tests;
