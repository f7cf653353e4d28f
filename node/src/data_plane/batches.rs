use hashbrown::HashMap;
use trunkline_link::Lane;
use trunkline_protocol::{
    Incarnation,
    lane::{
        BatchBuilder, BatchKind, HEADER_BYTES, LoginNotice, MESSAGE_LANES, RECEIPT_BYTES,
        RECEIPT_LANE, Receipt,
    },
};

use crate::{
    custody::{Forwarded, RelayLinkId},
    defaults::BATCH_BYTES,
};

/// What has gathered for other nodes since the last flush, in one batch for each lane and node, and
/// the lanes it goes to. Without a link there are none.
#[derive(Debug)]
pub(super) struct Batches {
    /// The incarnation in the ids of this node's messages.
    ids: Incarnation,
    /// The link that the lanes are of, or the last one.
    link: RelayLinkId,
    lanes: Option<Vec<Lane>>,
    messages: [Outgoing; MESSAGE_LANES],
    receipts: Outgoing,
    notices: Outgoing,
    /// The number of the last batch. It is not reset by a new link, so that no refusal can be taken
    /// for that of another batch.
    last: u32,
    /// Receipts that found no link, or their lane full.
    receipts_dropped: u64,
}

/// The batches of one lane that are being filled.
#[derive(Debug, Default)]
struct Outgoing {
    by_node: HashMap<Incarnation, Open>,
    /// The nodes whose batch is not empty.
    filled: Vec<Incarnation>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Open {
    builder: BatchBuilder,
    number: u32,
}

impl Batches {
    pub(super) fn new(ids: Incarnation) -> Self {
        Self {
            ids,
            link: RelayLinkId::default(),
            lanes: None,
            messages: Default::default(),
            receipts: Outgoing::default(),
            notices: Outgoing::default(),
            last: 0,
            receipts_dropped: 0,
        }
    }

    /// A new link is up. Returns its id.
    pub(super) fn link_up(&mut self, lanes: Vec<Lane>) -> RelayLinkId {
        self.lanes = Some(lanes);
        self.link = self.link.next();
        self.link
    }

    /// The link that is up, or the last one.
    pub(super) fn link(&self) -> RelayLinkId {
        self.link
    }

    /// Forgets the lanes and everything that was not sealed. Returns the link that was lost, and for
    /// each lane of messages the number of the last batch that QUIC took.
    pub(super) fn link_lost(&mut self) -> Option<(RelayLinkId, [u32; MESSAGE_LANES])> {
        let lanes = self.lanes.take()?;
        self.messages = Default::default();
        (self.receipts, self.notices) = Default::default();
        Some((self.link, std::array::from_fn(|lane| lanes[lane].handed())))
    }

    pub(super) fn is_up(&self) -> bool {
        self.lanes.is_some()
    }

    /// How many bytes wait in the lanes.
    pub(super) fn queued_bytes(&self) -> usize {
        self.lanes.iter().flatten().map(Lane::queued_bytes).sum()
    }

    /// How many receipts found no link, or their lane full.
    pub(super) fn receipts_dropped(&self) -> u64 {
        self.receipts_dropped
    }

    /// Appends an encoded message to the batch for `node` on `lane`, which is marked if it is
    /// `traced`.
    pub(super) fn message(
        &mut self,
        lane: usize,
        node: Incarnation,
        seq: u64,
        frame: &[u8],
        traced: bool,
    ) -> Forwarded {
        let Some(lanes) = &self.lanes else { return Forwarded::NoLink };
        let outgoing = &mut self.messages[lane];
        if !lanes[lane].has_room(outgoing.bytes + HEADER_BYTES + frame.len()) {
            return Forwarded::Full;
        }
        let open = outgoing.open(node, frame.len(), &mut self.last);
        let batch = open.number;
        open.builder.push(seq, |out| out.extend_from_slice(frame));
        if traced {
            open.builder.set_traced();
        }
        outgoing.bytes += frame.len();
        if outgoing.bytes >= BATCH_BYTES {
            outgoing.seal(&lanes[lane], BatchKind::Messages, self.ids);
        }
        Forwarded::InBatch { link: self.link, lane: lane as u8, batch }
    }

    /// Appends a receipt to the batch for `node`. Without a link or room it is dropped, and the
    /// sender learns nothing until its deadline.
    pub(super) fn receipt(&mut self, node: Incarnation, receipt: Receipt, traced: bool) {
        let lane = self.lanes.as_ref().map(|lanes| &lanes[RECEIPT_LANE]);
        let needed = self.receipts.bytes + HEADER_BYTES + RECEIPT_BYTES;
        if !lane.is_some_and(|lane| lane.has_room(needed)) {
            self.receipts_dropped += 1;
            return;
        }
        let open = self.receipts.open(node, RECEIPT_BYTES, &mut self.last);
        open.builder.push(receipt.seq, |out| receipt.encode(out));
        if traced {
            open.builder.set_traced();
        }
        self.receipts.bytes += RECEIPT_BYTES;
        if let (Some(lane), true) = (lane, self.receipts.bytes >= BATCH_BYTES) {
            self.receipts.seal(lane, BatchKind::Receipts, self.ids);
        }
    }

    /// Appends a notice to the batch for `node`. Without a link or room it is dropped: routes then
    /// grow old by themselves.
    pub(super) fn notice(&mut self, node: Incarnation, notice: LoginNotice<'_>) {
        let lane = self.lanes.as_ref().map(|lanes| &lanes[RECEIPT_LANE]);
        let bytes = notice.encoded_bytes();
        let needed = self.receipts.bytes + self.notices.bytes + HEADER_BYTES + bytes;
        if !lane.is_some_and(|lane| lane.has_room(needed)) {
            return;
        }
        let open = self.notices.open(node, bytes, &mut self.last);
        open.builder.push(0, |out| notice.encode(out));
        self.notices.bytes += bytes;
    }

    /// Whether a flush has something to do.
    pub(super) fn has_unsealed(&self) -> bool {
        let mut all = self.messages.iter().chain([&self.receipts, &self.notices]);
        !all.all(Outgoing::is_empty)
    }

    /// Forgets a node that is gone for good.
    pub(super) fn forget(&mut self, node: Incarnation) {
        for outgoing in self.messages.iter_mut().chain([&mut self.receipts, &mut self.notices]) {
            if !outgoing.filled.contains(&node) {
                outgoing.by_node.remove(&node);
            }
        }
    }

    /// Moves every batch to its lane, and wakes the lanes that got one. Receipts wait for messages
    /// or notices to go with, unless `receipts` is set. Returns whether they wait.
    pub(super) fn flush(&mut self, receipts: bool) -> bool {
        let Some(lanes) = &self.lanes else { return false };
        let alone = self.messages.iter().chain([&self.notices]).all(Outgoing::is_empty);
        if alone && !receipts {
            return !self.receipts.is_empty();
        }
        for (outgoing, lane) in self.messages.iter_mut().zip(lanes) {
            outgoing.seal(lane, BatchKind::Messages, self.ids);
        }
        self.receipts.seal(&lanes[RECEIPT_LANE], BatchKind::Receipts, self.ids);
        self.notices.seal(&lanes[RECEIPT_LANE], BatchKind::Notices, self.ids);
        false
    }
}

impl Outgoing {
    /// The batch for `node`, with room for a frame of `bytes`, and numbered.
    fn open(&mut self, node: Incarnation, bytes: usize, last: &mut u32) -> &mut Open {
        let open = self.by_node.entry(node).or_default();
        debug_assert!(open.builder.has_room(bytes), "a batch is sealed long before it is full");
        if open.builder.is_empty() {
            *last = last.wrapping_add(1);
            open.number = *last;
            self.filled.push(node);
            self.bytes += HEADER_BYTES;
        }
        open
    }

    fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    fn seal(&mut self, lane: &Lane, kind: BatchKind, ids: Incarnation) {
        if self.is_empty() {
            return;
        }
        for node in self.filled.drain(..) {
            let Some(open) = self.by_node.get_mut(&node) else { continue };
            let number = open.number;
            lane.append(number, |out| open.builder.seal_into(out, kind, node, number, ids));
        }
        self.bytes = 0;
        lane.flush();
    }
}
