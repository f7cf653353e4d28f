use std::{collections::VecDeque, ops::RangeInclusive, time::Instant};

use trunkline_protocol::{
    Incarnation,
    lane::{BatchHeader, BatchKind},
};

use crate::defaults::FOLLOWED_MAX;

/// What became of a batch in which a message is traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Messages were passed on.
    There {
        /// The bytes that waited in the lane before them.
        behind_bytes: u64,
    },
    /// Messages were sent back because the lane was full.
    Full,
    /// Messages were sent back because their destination has no link.
    Gone,
    /// Receipts were passed on.
    Back,
}

/// A batch in which a message is traced, on its way through the switch.
#[derive(Clone, Debug)]
pub(crate) struct Footprint {
    /// When it came.
    pub(crate) at: Instant,
    /// Where it came from.
    pub(crate) from: Incarnation,
    /// Where it was to go.
    pub(crate) to: Incarnation,
    /// The incarnation in the ids of its messages.
    pub(crate) ids: Incarnation,
    /// The lowest and the highest number of its messages.
    pub(crate) seqs: RangeInclusive<u64>,
    /// What became of it.
    pub(crate) passage: Passage,
}

/// The last of them.
#[derive(Debug, Default)]
pub(crate) struct Footprints(VecDeque<Footprint>);

impl Footprints {
    /// Adds one. Of receipts, only those that were passed on count.
    pub(super) fn add(&mut self, from: Incarnation, header: &BatchHeader, passage: Passage) {
        let passage = match (header.kind, passage) {
            (BatchKind::Messages, passage) => passage,
            (_, Passage::There { .. }) => Passage::Back,
            _ => return,
        };
        if self.0.len() == FOLLOWED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Footprint {
            at: Instant::now(),
            from,
            to: header.peer,
            ids: header.id_incarnation,
            seqs: header.first..=header.first.saturating_add(header.span.into()),
            passage,
        });
    }

    /// All that are remembered, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Footprint> {
        self.0.iter()
    }
}
