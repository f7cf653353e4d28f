//! Links: what goes to other nodes.
//!
//! Messages, receipts and notices gather in one batch for each lane and node. A flush seals the
//! batches into the lanes of the link. Without a link nothing gathers.

mod batch_queue;
#[cfg(test)]
mod tests;

use trunkline_link::Lane;
use trunkline_protocol::{
    Incarnation,
    lane::{
        BatchKind, HEADER_BYTES, LoginNotice, MESSAGE_LANES, RECEIPT_BYTES, RECEIPT_LANE, Receipt,
    },
};

use self::batch_queue::BatchQueue;
use crate::{
    custody::{Forwarded, RelayLinkId},
    defaults::BATCH_BYTES,
};

/// The link to the relay, and the batches that wait for it.
#[derive(Debug)]
pub(super) struct Links {
    /// The incarnation in the ids of this node's messages.
    ids: Incarnation,
    current: Option<OpenLink>,
    /// The link that is up, or the last one.
    pub(super) last: RelayLinkId,
    messages: [BatchQueue; MESSAGE_LANES],
    receipts: BatchQueue,
    notices: BatchQueue,
    /// The number of the last batch. A new link does not reset it, so that a refusal names one batch
    /// and no other.
    last_batch: u32,
    pub(super) counts: LinkCounts,
}

/// A link that is up.
#[derive(Debug)]
struct OpenLink {
    id: RelayLinkId,
    lanes: Vec<Lane>,
}

/// What found no room, since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LinkCounts {
    /// Messages that a full lane refused.
    pub(super) refused_full: u64,
    /// Receipts that found no link, or their lane full.
    pub(super) receipts_dropped: u64,
}

impl Links {
    pub(super) fn new(ids: Incarnation) -> Self {
        Self {
            ids,
            current: None,
            last: RelayLinkId::default(),
            messages: Default::default(),
            receipts: BatchQueue::default(),
            notices: BatchQueue::default(),
            last_batch: 0,
            counts: LinkCounts::default(),
        }
    }

    /// A link is up; these are its lanes to the relay.
    pub(super) fn up(&mut self, lanes: Vec<Lane>) -> RelayLinkId {
        self.last = self.last.next();
        self.current = Some(OpenLink { id: self.last, lanes });
        self.last
    }

    /// A link is lost: drops its lanes and all that was not sealed. Returns, for each lane of
    /// messages, the number of the last batch that QUIC took; `None` if the link is not up.
    pub(super) fn lost(&mut self, id: RelayLinkId) -> Option<[u32; MESSAGE_LANES]> {
        let OpenLink { lanes, .. } = self.current.take_if(|link| link.id == id)?;
        self.messages = Default::default();
        (self.receipts, self.notices) = Default::default();
        Some(std::array::from_fn(|lane| lanes[lane].handed()))
    }

    pub(super) fn is_up(&self) -> bool {
        self.current.is_some()
    }

    /// How many bytes wait in the lanes.
    pub(super) fn queued_bytes(&self) -> usize {
        self.current.iter().flat_map(|link| &link.lanes).map(Lane::queued_bytes).sum()
    }

    /// Appends an encoded message to the batch for `node` on `lane`.
    pub(super) fn message(
        &mut self,
        lane: usize,
        node: Incarnation,
        seq: u64,
        frame: &[u8],
        traced: bool,
    ) -> Forwarded {
        let Some(link) = &self.current else { return Forwarded::NoLink };
        let queue = &mut self.messages[lane];
        if !link.lanes[lane].has_room(queue.bytes + HEADER_BYTES + frame.len()) {
            self.counts.refused_full += 1;
            return Forwarded::Full;
        }
        let write = |out: &mut Vec<u8>| out.extend_from_slice(frame);
        let batch = queue.push(node, seq, frame.len(), traced, &mut self.last_batch, write);
        if queue.bytes >= BATCH_BYTES {
            queue.seal(&link.lanes[lane], BatchKind::Messages, self.ids);
        }
        Forwarded::InBatch { link: link.id, lane: lane as u8, batch }
    }

    /// Appends a receipt to the batch for `node`. Without a link or room it is dropped, and the
    /// sender learns nothing until its deadline.
    pub(super) fn receipt(&mut self, node: Incarnation, receipt: Receipt, traced: bool) {
        let needed = self.receipts.bytes + HEADER_BYTES + RECEIPT_BYTES;
        let lane = self.current.as_ref().map(|link| &link.lanes[RECEIPT_LANE]);
        let Some(lane) = lane.filter(|lane| lane.has_room(needed)) else {
            self.counts.receipts_dropped += 1;
            return;
        };
        let (seq, last) = (receipt.seq, &mut self.last_batch);
        self.receipts.push(node, seq, RECEIPT_BYTES, traced, last, |out| receipt.encode(out));
        if self.receipts.bytes >= BATCH_BYTES {
            self.receipts.seal(lane, BatchKind::Receipts, self.ids);
        }
    }

    /// Appends a notice to the batch for `node`. Without a link or room it is dropped: routes then
    /// expire by themselves.
    pub(super) fn notice(&mut self, node: Incarnation, notice: LoginNotice<'_>) {
        let bytes = notice.encoded_bytes();
        let needed = self.receipts.bytes + self.notices.bytes + HEADER_BYTES + bytes;
        let lane = self.current.as_ref().map(|link| &link.lanes[RECEIPT_LANE]);
        if lane.is_some_and(|lane| lane.has_room(needed)) {
            let last = &mut self.last_batch;
            self.notices.push(node, 0, bytes, false, last, |out| notice.encode(out));
        }
    }

    /// Whether a flush has something to do.
    pub(super) fn has_unsealed(&self) -> bool {
        let mut all = self.messages.iter().chain([&self.receipts, &self.notices]);
        !all.all(BatchQueue::is_empty)
    }

    /// Forgets a node that is gone for good.
    pub(super) fn forget(&mut self, node: Incarnation) {
        let all = self.messages.iter_mut().chain([&mut self.receipts, &mut self.notices]);
        all.for_each(|queue| queue.forget(node));
    }

    /// Moves every batch to its lane, and wakes the lanes that got one. Receipts wait for messages
    /// or notices to go with, unless `receipts_due` is set. Returns whether they wait.
    pub(super) fn flush(&mut self, receipts_due: bool) -> bool {
        let Some(OpenLink { lanes, .. }) = &self.current else { return false };
        let only_receipts = self.messages.iter().chain([&self.notices]).all(BatchQueue::is_empty);
        if only_receipts && !receipts_due {
            return !self.receipts.is_empty();
        }
        for (queue, lane) in self.messages.iter_mut().zip(lanes) {
            queue.seal(lane, BatchKind::Messages, self.ids);
        }
        self.receipts.seal(&lanes[RECEIPT_LANE], BatchKind::Receipts, self.ids);
        self.notices.seal(&lanes[RECEIPT_LANE], BatchKind::Notices, self.ids);
        false
    }
}
