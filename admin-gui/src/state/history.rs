use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use trunkline_protocol::{Name, status::Snapshot};

use super::{
    history_entry::HistoryEntry,
    incidents::{IncidentLog, KnownTotals},
    lineage::Lineage,
    name_order::by_name,
    report_rates::ReportRates,
    send_tally::{SendTally, SendTotals},
};
use crate::defaults::{
    COARSE_STEP_MS, FAILING_WINDOW_MS, FINE_MS, HISTORY_BYTES_MAX, HISTORY_MS, INCIDENT_LEAD_MS,
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
    tally: SendTally,
    incidents: IncidentLog,
    lineage: Lineage,
    revision: u64,
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
        let totals = self.tally.update(&snapshot);
        let entry = HistoryEntry::between(last.as_deref(), snapshot, &mut self.reports, totals);
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        self.update_incidents(last.as_deref());
        self.revision += 1;
        self.thin_out();
        self.drop_oldest();
        true
    }

    fn update_incidents(&mut self, before: Option<&Snapshot>) {
        let index = self.entries.len() - 1;
        let now = &self.entries[index];
        let totals = KnownTotals {
            now: now.totals.clone(),
            lead: self.totals_before(index, INCIDENT_LEAD_MS).clone(),
            recent: now.totals.all().since(&self.totals_before(index, FAILING_WINDOW_MS).all()),
        };
        let snapshot = now.snapshot.clone();
        self.incidents.update(before, &snapshot, &totals);
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
                self.entries[index].absorb(&dropped);
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

    /// The incidents.
    pub fn incidents(&self) -> &IncidentLog {
        &self.incidents
    }

    /// The totals of sends at the snapshot that is `ms` older than the one at `index`.
    pub(super) fn totals_before(&self, index: usize, ms: u64) -> &Arc<SendTotals> {
        let from = self.index_at(self.at_ms(index).saturating_sub(ms)).unwrap_or(0);
        &self.entries[from.min(index)].totals
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
