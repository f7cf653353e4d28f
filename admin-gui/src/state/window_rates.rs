use trunkline_protocol::status::NodeStatus;

use super::{counters::Rates, history::SnapshotHistory, history_entry::HistoryEntry};
use crate::defaults::RATE_WINDOW_MS;

// Tiles, tables and charts take their rates from here alone, so that those of one moment agree, and
// those of the nodes add up.
impl SnapshotHistory {
    /// The rates of the relay and all nodes that are shown at the snapshot with this index.
    pub(super) fn rates_at(&self, index: usize) -> Rates {
        let mut average = Rates::default();
        for (entry, share) in self.shares(index) {
            average += &entry.rates.clone().scaled(share);
        }
        average
    }

    /// The rates of one node that are shown at the snapshot with this index. Most snapshots have the
    /// node at the same place, `at`.
    pub(super) fn rates_of(&self, index: usize, node: &NodeStatus, at: usize) -> Rates {
        let mut average = Rates::default();
        for (entry, share) in self.shares(index) {
            if let Some(rates) = entry.rates_of(node, at) {
                average += &rates.clone().scaled(share);
            }
        }
        average
    }

    /// The entries whose average is shown, each with its share of it.
    fn shares(&self, index: usize) -> impl Iterator<Item = (&HistoryEntry, f64)> {
        // The entry after a long gap does not outweigh all that was reported since.
        let weight = |entry: &HistoryEntry| entry.over_ms.min(RATE_WINDOW_MS) as f64;
        let entries = (self.rates_from(index) + 1..=index).map(|index| self.entry(index));
        let sum: f64 = entries.clone().map(weight).sum();
        entries.map(move |entry| (entry, weight(entry) / sum))
    }
}
