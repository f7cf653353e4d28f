//! The forwarding table.

use std::rc::Rc;

use hashbrown::HashMap;
use thiserror::Error;
use trunkline_protocol::{
    Incarnation, Name,
    lane::{Batch, BatchHeader, BatchKind, HEADER_BYTES, RECEIPT_LANE},
};

use super::{
    hop_log::{HopKind, HopLog},
    port::{DirtyLanes, Port},
    traffic::TrafficMatrix,
};

/// A batch that a node may not send, or not on that lane. Its link is closed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a batch of kind {kind:?} is not allowed on lane {lane}")]
pub(crate) struct ProtocolViolation {
    kind: BatchKind,
    lane: usize,
}

/// What was not forwarded since the relay started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RejectedCounts {
    /// Messages returned because the destination's lane was full.
    pub(crate) full: u64,
    /// Messages returned because the destination had no link.
    pub(crate) gone: u64,
    /// Receipts, and messages whose return found no room either, that were dropped.
    pub(crate) dropped: u64,
}

/// The forwarding table: through which lanes each incarnation is reached.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    ports: HashMap<Incarnation, Rc<Port>>,
    pub(crate) traffic: TrafficMatrix,
    pub(crate) rejected: RejectedCounts,
    pub(crate) hops: HopLog,
}

impl Switch {
    /// Forwards one batch to the link that its header names, with its origin stamped on it; or
    /// returns its header, if there is no such link or no room. `lane` is the lane it came on, and
    /// the lane it leaves on.
    ///
    /// Adds the lanes that it appends to to `dirty`; the caller flushes them once per round of
    /// reading, so that a round costs one wake-up per lane and not one per batch.
    pub(crate) fn forward(
        &mut self,
        origin: &Port,
        lane: usize,
        batch: &Batch<'_>,
        dirty: &mut DirtyLanes,
    ) -> Result<(), ProtocolViolation> {
        let BatchHeader { kind, peer: destination, .. } = batch.header;
        if !is_allowed(lane, kind) {
            return Err(ProtocolViolation { kind, lane });
        }
        let Some(port) = self.ports.get(&destination) else {
            self.hops.record(origin.incarnation(), &batch.header, HopKind::RejectedGone);
            self.reject(origin, &batch.header, BatchKind::RefusedGone, dirty);
            return Ok(());
        };
        let egress = &port.egress[lane];
        let bytes = HEADER_BYTES + batch.frames.len();
        if !egress.lane.has_room(bytes) {
            self.hops.record(origin.incarnation(), &batch.header, HopKind::RejectedFull);
            self.reject(origin, &batch.header, BatchKind::RefusedFull, dirty);
            return Ok(());
        }
        let behind_bytes = egress.lane.queued_bytes() as u64;
        let hop = HopKind::Forwarded { behind_bytes };
        self.hops.record(origin.incarnation(), &batch.header, hop);
        let stamped = BatchHeader { peer: origin.incarnation(), ..batch.header };
        egress.append(dirty, |out| {
            out.extend_from_slice(&stamped.encode());
            out.extend_from_slice(batch.frames);
        });
        if kind == BatchKind::Messages {
            self.traffic.count(origin.slot, port.slot, batch.header.count, bytes);
        }
        Ok(())
    }

    /// A port for a link of `name`, not reachable yet; `None` if there are too many nodes.
    pub(crate) fn open_port(&mut self, name: &Name, incarnation: Incarnation) -> Option<Rc<Port>> {
        Some(Port::new(incarnation, self.traffic.slot(name)?))
    }

    /// Makes `port` reachable under its incarnation.
    pub(crate) fn connect(&mut self, port: &Rc<Port>) {
        self.ports.insert(port.incarnation(), port.clone());
    }

    /// Makes `port` unreachable. Does nothing if another port has its address: a link that was
    /// superseded ends after its successor was connected.
    pub(crate) fn disconnect(&mut self, port: &Rc<Port>) {
        if self.ports.get(&port.incarnation()).is_some_and(|current| Rc::ptr_eq(current, port)) {
            self.ports.remove(&port.incarnation());
        }
    }

    /// Makes `port` reachable under another incarnation, and no longer under its former one.
    pub(crate) fn readdress(&mut self, port: &Rc<Port>, incarnation: Incarnation) {
        self.disconnect(port);
        port.incarnation.set(incarnation);
        self.connect(port);
    }

    /// Tells the origin of a batch of messages that it was not forwarded. A receipt is dropped:
    /// custody of its message ends by its own deadline.
    fn reject(
        &mut self,
        origin: &Port,
        header: &BatchHeader,
        kind: BatchKind,
        dirty: &mut DirtyLanes,
    ) {
        let messages = u64::from(header.count);
        if header.kind != BatchKind::Messages {
            self.rejected.dropped += messages;
            return;
        }
        match kind {
            BatchKind::RefusedFull => self.rejected.full += messages,
            _ => self.rejected.gone += messages,
        }
        let egress = &origin.egress[RECEIPT_LANE];
        if egress.lane.has_room(HEADER_BYTES) {
            let refusal = header.refused(kind, header.peer).encode();
            egress.append(dirty, |out| out.extend_from_slice(&refusal));
        } else {
            self.rejected.dropped += messages;
        }
    }
}

/// Whether a node may send a batch of that kind on that lane.
fn is_allowed(lane: usize, kind: BatchKind) -> bool {
    match kind {
        BatchKind::Messages => lane != RECEIPT_LANE,
        BatchKind::Receipts | BatchKind::Notices => lane == RECEIPT_LANE,
        BatchKind::RefusedFull | BatchKind::RefusedGone => false,
    }
}

#[cfg(test)]
mod tests;
