use std::sync::Arc;

use trunkline_protocol::status::{LatencyHistogram, NodeStatus, Snapshot, TrafficFlow};

use super::{
    cluster_status::{find_node, node_index},
    counters::{CounterValues, Rates},
    report_rates::ReportRates,
    send_tally::SendTotals,
};
use crate::defaults::NODE_HEAP_BYTES;

/// A snapshot, and what was counted since the entry before it. Of a snapshot that is thinned out, this
/// much survives, in the next entry.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// What the relay wrote.
    pub snapshot: Arc<Snapshot>,
    /// The rates of the relay and all nodes since the entry before.
    pub rates: Rates,
    /// The rates of each node, in the snapshot's order. With those of the relay, they add up to `rates`.
    pub node_rates: Vec<Rates>,
    /// The milliseconds since the entry before; 0 for the first.
    pub over_ms: u64,
    /// The times from accept to receipt that were reported since the entry before.
    pub latency: LatencyHistogram,
    /// The times from accept to another outcome than delivered that were reported since.
    pub failure_latency: LatencyHistogram,
    /// What was counted from the first snapshot to this one.
    pub totals: Arc<SendTotals>,
}

impl HistoryEntry {
    /// The entry of `snapshot`, the next after `before`.
    pub(super) fn between(
        before: Option<&Snapshot>,
        snapshot: Snapshot,
        reports: &mut ReportRates,
        totals: Arc<SendTotals>,
    ) -> Self {
        let mut entry = Self {
            rates: Rates::default(),
            node_rates: Vec::with_capacity(snapshot.nodes.len()),
            over_ms: before.map_or(0, |before| snapshot.at_ms - before.at_ms),
            latency: LatencyHistogram::default(),
            failure_latency: LatencyHistogram::default(),
            snapshot: Arc::new(snapshot),
            totals,
        };
        let now = entry.snapshot.clone();
        for (index, node) in now.nodes.iter().enumerate() {
            // Also for the first snapshot, whose reports the next rates start from.
            let reported = reports.update(node, now.at_ms);
            let known = before.and_then(|before| find_node(before, &node.name, index));
            entry.add_node(node, known, reported);
        }
        if let Some(before) = before {
            let relay = CounterValues::of_relay(&now.relay);
            let counted = relay.since(&CounterValues::of_relay(&before.relay));
            entry.rates += &counted.per_second(entry.over_ms);
        }
        entry
    }

    fn add_node(&mut self, node: &NodeStatus, known: Option<&NodeStatus>, reported: Rates) {
        let mut rates = reported;
        if let Some(known) = known {
            let traffic = CounterValues::of_traffic(node);
            let counted = traffic.since(&CounterValues::of_traffic(known));
            rates += &counted.per_second(self.over_ms);
            // Two snapshots may show the same report; its latencies count once.
            if node.load != known.load {
                self.latency.merge(&node.load.latency);
                self.failure_latency.merge(&node.load.failure_latency);
            }
        }
        self.rates += &rates;
        self.node_rates.push(rates);
    }

    /// The rates of a node. Most snapshots of one history have it at the same `index`.
    pub(super) fn rates_of(&self, node: &NodeStatus, index: usize) -> Option<&Rates> {
        node_index(&self.snapshot, &node.name, index).map(|index| &self.node_rates[index])
    }

    /// Takes over what `earlier`, the entry before this one, has counted.
    pub(super) fn absorb(&mut self, earlier: &Self) {
        let over_ms = (self.over_ms + earlier.over_ms) as f64;
        let own_share = self.over_ms as f64 / over_ms;
        let average = |own: &Rates, earlier: Option<&Rates>| {
            let mut average = own.clone().scaled(own_share);
            if let Some(earlier) = earlier {
                average += &earlier.clone().scaled(1.0 - own_share);
            }
            average
        };
        self.rates = average(&self.rates, Some(&earlier.rates));
        for (index, node) in self.snapshot.nodes.iter().enumerate() {
            let rates = &mut self.node_rates[index];
            *rates = average(rates, earlier.rates_of(node, index));
        }
        self.over_ms += earlier.over_ms;
        self.latency.merge(&earlier.latency);
        self.failure_latency.merge(&earlier.failure_latency);
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let node = size_of::<NodeStatus>() + size_of::<Rates>() + NODE_HEAP_BYTES;
        size_of::<Self>()
            + self.snapshot.nodes.len() * node
            + self.snapshot.flows.len() * size_of::<TrafficFlow>()
    }
}
