use std::collections::HashMap;

use trunkline_protocol::status::LatencyHistogram;

use super::{
    cluster_status::{ClusterStatus, SendWindows},
    counters::{growth, per_second},
    history::SnapshotHistory,
};
use crate::defaults::{FAILING_WINDOW_MS, HISTORY_MS, LATENCY_WINDOW_MS, TOTALS_MS};

impl SnapshotHistory {
    /// The status at the snapshot with this index.
    ///
    /// # Panics
    /// If the index is out of bounds.
    pub fn status_at(&self, index: usize) -> ClusterStatus {
        let entry = self.entry(index);
        let snapshot = entry.snapshot.clone();
        let (mut latency, mut failure_latency) = Default::default();
        self.add_latencies(index, &mut latency, &mut failure_latency);
        let sends = |ms| entry.totals.since(self.totals_before(index, ms));
        let nodes = snapshot.nodes.iter().enumerate();
        ClusterStatus {
            rates: nodes.map(|(at, node)| self.rates_of(index, node, at)).collect(),
            total: self.rates_at(index),
            flows: self.flow_rates(index),
            latency,
            failure_latency,
            sends: SendWindows {
                recent: sends(FAILING_WINDOW_MS),
                quarter: sends(TOTALS_MS),
                hour: sends(HISTORY_MS),
            },
            incident: self.incidents().at(snapshot.at_ms, &entry.totals),
            snapshot,
        }
    }

    fn add_latencies(
        &self,
        index: usize,
        latency: &mut LatencyHistogram,
        failure_latency: &mut LatencyHistogram,
    ) {
        let now_ms = self.entry(index).snapshot.at_ms;
        let entries = (0..=index).rev().map(|index| self.entry(index));
        for entry in entries.take_while(|entry| entry.snapshot.at_ms + LATENCY_WINDOW_MS > now_ms) {
            latency.merge(&entry.latency);
            failure_latency.merge(&entry.failure_latency);
        }
    }

    /// The messages per second of each flow, in the snapshot's order.
    fn flow_rates(&self, index: usize) -> Vec<f64> {
        let (now, before) = (self.entry(index), self.entry(self.rates_from(index)));
        let over_ms = now.snapshot.at_ms.saturating_sub(before.snapshot.at_ms);
        let counted =
            before.snapshot.flows.iter().map(|flow| ((&flow.from, &flow.to), flow.messages));
        let counted: HashMap<_, _> = counted.collect();
        let rate = |flow: &trunkline_protocol::status::TrafficFlow| {
            let before = counted.get(&(&flow.from, &flow.to)).copied().unwrap_or(0);
            per_second(growth(before, flow.messages), over_ms)
        };
        now.snapshot.flows.iter().map(rate).collect()
    }
}
