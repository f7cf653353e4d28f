use hashbrown::HashMap;
use trunkline_link::Lane;
use trunkline_protocol::{
    Incarnation,
    lane::{BatchBuilder, BatchKind, HEADER_BYTES},
};

/// The batches that are being filled for one lane: one for each node.
#[derive(Debug, Default)]
pub(super) struct BatchQueue {
    by_node: HashMap<Incarnation, OpenBatch>,
    /// The nodes whose batch is not empty.
    filled: Vec<Incarnation>,
    /// The bytes of all open batches.
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
struct OpenBatch {
    builder: BatchBuilder,
    number: u32,
}

impl BatchQueue {
    /// Appends a frame of `bytes` bytes to the batch for `node`, which is marked if the frame is
    /// `traced`. Returns the batch's number; `last` is the last number that was given out.
    pub(super) fn push(
        &mut self,
        node: Incarnation,
        seq: u64,
        bytes: usize,
        traced: bool,
        last: &mut u32,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> u32 {
        let open = self.by_node.entry(node).or_default();
        debug_assert!(open.builder.has_room(bytes), "a batch is sealed long before it is full");
        if open.builder.is_empty() {
            *last = last.wrapping_add(1);
            open.number = *last;
            self.filled.push(node);
            self.bytes += HEADER_BYTES;
        }
        open.builder.push(seq, write);
        if traced {
            open.builder.set_traced();
        }
        self.bytes += bytes;
        open.number
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    /// Forgets a node, unless something waits for it.
    pub(super) fn forget(&mut self, node: Incarnation) {
        if !self.filled.contains(&node) {
            self.by_node.remove(&node);
        }
    }

    /// Moves every batch to the lane, and wakes the lane's writer.
    pub(super) fn seal(&mut self, lane: &Lane, kind: BatchKind, ids: Incarnation) {
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
