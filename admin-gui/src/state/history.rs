use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use trunkline_protocol::{
    Name,
    status::{LatencyHistogram, NodeStatus, Snapshot, TrafficFlow},
};

use super::{
    cluster_status::{ClusterStatus, find_node},
    counters::{CounterValues, Rates},
    lineage::Lineage,
    name_order::by_name,
    report_rates::ReportRates,
};
use crate::defaults::{
    COARSE_STEP_MS, FINE_MS, HISTORY_BYTES_MAX, HISTORY_MS, LATENCY_WINDOW_MS, NODE_HEAP_BYTES,
    RATE_WINDOW_MS,
};

/// The snapshots of the last hour; of the older ones, only some.
#[derive(Debug, Default)]
pub struct SnapshotHistory {
    entries: VecDeque<HistoryEntry>,
    /// How many of the oldest entries are thinned out already.
    coarse: usize,
    bytes: usize,
    /// The names of all snapshots, each allocated once.
    names: HashSet<Name>,
    reports: ReportRates,
    lineage: Lineage,
    revision: u64,
}

/// A snapshot, and what was counted since the entry before it. Of a snapshot that is thinned out, this
/// much survives, in the next entry.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// What the relay wrote.
    pub snapshot: Arc<Snapshot>,
    /// The rates of the relay and all nodes since the entry before.
    pub rates: Rates,
    /// The milliseconds since the entry before; 0 for the first.
    pub over_ms: u64,
    /// The times from accept to receipt that were reported since the entry before.
    pub latency: LatencyHistogram,
}

impl HistoryEntry {
    fn between(before: Option<&Snapshot>, snapshot: Snapshot, reports: &mut ReportRates) -> Self {
        let mut entry = Self {
            rates: Rates::default(),
            over_ms: before.map_or(0, |before| snapshot.at_ms - before.at_ms),
            latency: LatencyHistogram::default(),
            snapshot: Arc::new(snapshot),
        };
        let now = &entry.snapshot;
        // Also for the first snapshot, whose reports the next rates start from.
        let reported: Vec<_> =
            now.nodes.iter().map(|node| reports.update(node, now.at_ms)).collect();
        let Some(before) = before else { return entry };
        let relay = CounterValues::of_relay(&now.relay);
        let mut counted = relay.since(&CounterValues::of_relay(&before.relay));
        for (index, (node, reported)) in now.nodes.iter().zip(reported).enumerate() {
            entry.rates += &reported;
            let Some(known) = find_node(before, &node.name, index) else { continue };
            let traffic = CounterValues::of_traffic(node);
            counted += &traffic.since(&CounterValues::of_traffic(known));
            // Two snapshots may show the same report; its latencies count once.
            if node.load != known.load {
                entry.latency.merge(&node.load.latency);
            }
        }
        entry.rates += &counted.per_second(entry.over_ms);
        entry
    }

    /// Takes over what `earlier`, the entry before this one, has counted.
    fn absorb(&mut self, earlier: Self) {
        let over_ms = (self.over_ms + earlier.over_ms) as f64;
        self.rates = self.rates.clone().scaled(self.over_ms as f64 / over_ms);
        self.rates += &earlier.rates.scaled(earlier.over_ms as f64 / over_ms);
        self.over_ms += earlier.over_ms;
        self.latency.merge(&earlier.latency);
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.snapshot.nodes.len() * (size_of::<NodeStatus>() + NODE_HEAP_BYTES)
            + self.snapshot.flows.len() * size_of::<TrafficFlow>()
    }
}

impl SnapshotHistory {
    /// Adds a snapshot. Returns false for one that is not newer than the latest: a relay repeats its
    /// own history on each new connection.
    pub fn push(&mut self, mut snapshot: Snapshot) -> bool {
        self.drop_future_of(&snapshot);
        let last = self.entries.back().map(|entry| entry.snapshot.clone());
        if last.as_ref().is_some_and(|last| snapshot.at_ms <= last.at_ms) {
            return false;
        }
        self.share_names(&mut snapshot);
        snapshot.nodes.sort_by(|a, b| by_name(&a.name, &b.name));
        let entry = HistoryEntry::between(last.as_deref(), snapshot, &mut self.reports);
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        self.revision += 1;
        self.thin_out();
        self.drop_oldest();
        true
    }

    /// Drops entries from the future of a restarted relay, whose machine's clock is behind that of the
    /// relay before. Its snapshots would be taken for old ones until its clock caught up.
    fn drop_future_of(&mut self, snapshot: &Snapshot) {
        while self.entries.back().is_some_and(|entry| {
            entry.snapshot.at_ms >= snapshot.at_ms
                && entry.snapshot.relay.started_at_ms < snapshot.relay.started_at_ms
        }) {
            self.bytes -= self.entries.pop_back().map_or(0, |entry| entry.bytes());
            self.coarse = self.coarse.min(self.entries.len());
            self.reports.clear();
            self.lineage = Lineage::default();
        }
    }

    fn share_names(&mut self, snapshot: &mut Snapshot) {
        let nodes = snapshot.nodes.iter_mut().map(|node| &mut node.name);
        let flows = snapshot.flows.iter_mut().flat_map(|flow| [&mut flow.from, &mut flow.to]);
        for name in nodes.chain(flows) {
            match self.names.get(name) {
                Some(shared) => *name = shared.clone(),
                None => drop(self.names.insert(name.clone())),
            }
        }
    }

    /// Thins out the entries that have become older than [`FINE_MS`].
    fn thin_out(&mut self) {
        let Some(fine_from_ms) = self.latest_ms().map(|ms| ms.saturating_sub(FINE_MS)) else {
            return;
        };
        while self.coarse + 1 < self.entries.len() && self.at_ms(self.coarse) < fine_from_ms {
            let index = self.coarse;
            if index > 0 && self.at_ms(index + 1) - self.at_ms(index - 1) <= COARSE_STEP_MS {
                let dropped = self.entries.remove(index).expect("the loop has checked the index");
                self.bytes -= dropped.bytes();
                self.entries[index].absorb(dropped);
            } else {
                self.coarse += 1;
            }
        }
    }

    fn drop_oldest(&mut self) {
        let from_ms = self.latest_ms().unwrap_or(0).saturating_sub(HISTORY_MS);
        while self.entries.len() > 1 && (self.bytes > HISTORY_BYTES_MAX || self.at_ms(0) < from_ms)
        {
            self.bytes -= self.entries.pop_front().map_or(0, |entry| entry.bytes());
            self.coarse = self.coarse.saturating_sub(1);
        }
    }

    fn at_ms(&self, index: usize) -> u64 {
        self.entries[index].snapshot.at_ms
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &HistoryEntry> + ExactSizeIterator {
        self.entries.iter()
    }

    /// Changes when entries are no longer what they were: a cache of values from the history is then
    /// void, and not only incomplete.
    pub fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// Grows with each snapshot. A cache of values from the history is stale when it has.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// When the oldest snapshot was taken.
    pub fn earliest_ms(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.snapshot.at_ms)
    }

    /// When the latest snapshot was taken.
    pub fn latest_ms(&self) -> Option<u64> {
        self.entries.back().map(|entry| entry.snapshot.at_ms)
    }

    /// The index of the last snapshot that was taken at or before a moment, else of the first one.
    pub fn index_at(&self, at_ms: u64) -> Option<usize> {
        let after = self.entries.partition_point(|entry| entry.snapshot.at_ms <= at_ms);
        (!self.entries.is_empty()).then(|| after.saturating_sub(1))
    }

    /// When the first snapshot at or after a moment was taken; `None` if there is none yet.
    pub fn first_from(&self, at_ms: u64) -> Option<u64> {
        let index = self.entries.partition_point(|entry| entry.snapshot.at_ms < at_ms);
        self.entries.get(index).map(|entry| entry.snapshot.at_ms)
    }

    /// The status at the snapshot with this index.
    ///
    /// # Panics
    /// If the index is out of bounds.
    pub fn status_at(&self, index: usize) -> ClusterStatus {
        let now = self.entries[index].snapshot.clone();
        let before = self.rates_from(index);
        let mut latency = LatencyHistogram::default();
        for entry in self.entries.range(..=index).rev() {
            if entry.snapshot.at_ms + LATENCY_WINDOW_MS <= now.at_ms {
                break;
            }
            latency.merge(&entry.latency);
        }
        ClusterStatus::between(&self.entries[before].snapshot, now, latency)
    }

    /// The index of the snapshot that the rates at `index` start from.
    pub(super) fn rates_from(&self, index: usize) -> usize {
        let from_ms = self.at_ms(index).saturating_sub(RATE_WINDOW_MS);
        self.index_at(from_ms).unwrap_or(0).min(index.saturating_sub(1))
    }

    pub(super) fn entry(&self, index: usize) -> &HistoryEntry {
        &self.entries[index]
    }
}
