//! The last hops of traced messages through the switch.

use std::{collections::VecDeque, ops::RangeInclusive, time::Instant};

use trunkline_protocol::{
    Incarnation,
    lane::{BatchHeader, BatchKind},
};

use crate::defaults::TRACE_EVENTS_MAX;

/// What the switch did with a batch that has a traced message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HopKind {
    /// Forwarded messages.
    Forwarded {
        /// The bytes that waited in the lane before them.
        behind_bytes: u64,
    },
    /// Returned messages because the lane was full.
    RejectedFull,
    /// Returned messages because their destination has no link.
    RejectedGone,
    /// Forwarded receipts.
    ReceiptForwarded,
}

/// A batch with a traced message, on its way through the switch.
#[derive(Clone, Debug)]
pub(crate) struct SwitchHop {
    pub(crate) at: Instant,
    pub(crate) from: Incarnation,
    pub(crate) to: Incarnation,
    /// The incarnation in the ids of its messages.
    pub(crate) id_incarnation: Incarnation,
    /// The lowest and the highest number of its messages.
    pub(crate) seqs: RangeInclusive<u64>,
    pub(crate) kind: HopKind,
}

/// The last [`TRACE_EVENTS_MAX`] hops.
#[derive(Debug, Default)]
pub(crate) struct HopLog(VecDeque<SwitchHop>);

impl HopLog {
    /// Records a batch if one of its messages is traced. Receipts that were not forwarded leave no
    /// hop.
    pub(super) fn record(&mut self, from: Incarnation, header: &BatchHeader, kind: HopKind) {
        if !header.traced {
            return;
        }
        let kind = match (header.kind, kind) {
            (BatchKind::Messages, kind) => kind,
            (_, HopKind::Forwarded { .. }) => HopKind::ReceiptForwarded,
            _ => return,
        };
        if self.0.len() == TRACE_EVENTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(SwitchHop {
            at: Instant::now(),
            from,
            to: header.peer,
            id_incarnation: header.id_incarnation,
            seqs: header.first..=header.first.saturating_add(header.span.into()),
            kind,
        });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SwitchHop> {
        self.0.iter()
    }
}
