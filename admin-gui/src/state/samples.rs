use std::ops::Range;

use trunkline_protocol::{
    Name,
    status::{LatencyHistogram, NodeStatus},
};

use super::{
    cluster_status::{find_node, is_present, node_index},
    counters::Rates,
    history::SnapshotHistory,
    node_shares::reported_load,
};

/// The values that the charts draw at one moment.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// The rates of the counters.
    pub rates: Rates,
    /// The time from accept to receipt, of the sends that were delivered just before.
    pub latency: LatencyHistogram,
    /// The time from accept to another outcome, of the sends that ended just before.
    pub failure_latency: LatencyHistogram,
    /// Sessions that are logged in.
    pub sessions: u64,
    /// The limit on sessions.
    pub capacity: u64,
    /// Sends without an outcome.
    pub pending: u64,
    /// Bytes that wait in the lanes of nodes and of the relay.
    pub lane_bytes: u64,
    /// Bytes that wait in the buffers of sessions.
    pub session_bytes: u64,
    /// Resident memory of nodes.
    pub memory_bytes: u64,
    /// Resident memory of the relay.
    pub relay_memory_bytes: u64,
    /// The smoothed round-trip time of the slowest link.
    pub rtt_us: Option<u64>,
}

impl Sample {
    fn add(&mut self, node: &NodeStatus, known: Option<&NodeStatus>) {
        if !is_present(node.state) {
            return;
        }
        let load = reported_load(node, known);
        let queued: u64 = node.link.iter().flat_map(|link| &link.queued_bytes).sum();
        self.sessions += u64::from(load.sessions);
        self.capacity += u64::from(node.capacity);
        self.pending += u64::from(load.pending);
        self.lane_bytes += load.lane_bytes + queued;
        self.session_bytes += load.session_bytes;
        self.memory_bytes += load.memory_bytes;
        self.rtt_us = self.rtt_us.max(node.link.as_ref().map(|link| link.rtt_us));
    }
}

impl SnapshotHistory {
    /// The samples of the whole cluster from a moment on.
    pub fn samples(&self, from_ms: u64) -> Vec<Sample> {
        self.indices_from(from_ms).map(|index| self.sample(self.rates_from(index), index)).collect()
    }

    fn sample(&self, before: usize, index: usize) -> Sample {
        let snapshot = &self.entry(index).snapshot;
        let mut sample = Sample {
            at_ms: snapshot.at_ms,
            rates: self.rates_at(index),
            relay_memory_bytes: snapshot.relay.memory_bytes,
            ..Sample::default()
        };
        for entry in (before + 1..=index).map(|index| self.entry(index)) {
            sample.latency.merge(&entry.latency);
            sample.failure_latency.merge(&entry.failure_latency);
        }
        let before = &self.entry(before).snapshot;
        for (index, node) in snapshot.nodes.iter().enumerate() {
            sample.add(node, find_node(before, &node.name, index));
        }
        sample
    }

    /// The samples of one node from a moment on, as far as the snapshots have it.
    pub fn samples_of(&self, name: &Name, from_ms: u64) -> Vec<Sample> {
        self.indices_from(from_ms)
            .filter_map(|index| self.sample_of(name, self.rates_from(index), index))
            .collect()
    }

    fn sample_of(&self, name: &Name, before: usize, index: usize) -> Option<Sample> {
        let (before, now) = (&self.entry(before).snapshot, &self.entry(index).snapshot);
        let found = node_index(now, name, 0)?;
        let (node, known) = (&now.nodes[found], find_node(before, name, found));
        let mut sample = Sample {
            at_ms: now.at_ms,
            rates: self.rates_of(index, node, found),
            latency: node.load.latency.clone(),
            failure_latency: node.load.failure_latency.clone(),
            ..Sample::default()
        };
        sample.add(node, known);
        Some(sample)
    }

    /// The indices of the snapshots from a moment on that have a predecessor.
    pub(super) fn indices_from(&self, from_ms: u64) -> Range<usize> {
        self.index_at(from_ms).unwrap_or(0).max(1)..self.len()
    }
}
