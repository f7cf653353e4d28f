use std::ops::Range;

use trunkline_protocol::{
    Name,
    status::{LatencyHistogram, NodeLoad, NodeStatus},
};

use super::{
    counters::Rates,
    history::{History, Kept},
    parts::told,
    picture::is_present,
};

/// What the charts show of one moment.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// How fast the counters grew.
    pub rates: Rates,
    /// The time from accept to receipt, of the sends that ended just before.
    pub latency: LatencyHistogram,
    /// Sessions that are logged in.
    pub sessions: u64,
    /// How many sessions there may be.
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
        let load = told(node, known);
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

impl History {
    /// What the charts show of the whole cluster since a moment.
    pub fn samples(&self, from_ms: u64) -> Vec<Sample> {
        self.places(from_ms).map(|at| self.sample(self.rates_from(at), at)).collect()
    }

    fn sample(&self, before: usize, at: usize) -> Sample {
        let snapshot = &self.kept(at).snapshot;
        let mut sample = Sample {
            at_ms: snapshot.at_ms,
            relay_memory_bytes: snapshot.relay.memory_bytes,
            ..Sample::default()
        };
        let over_ms: u64 = (before + 1..=at).map(|at| self.kept(at).over_ms).sum();
        for kept in (before + 1..=at).map(|at| self.kept(at)) {
            sample.rates += &kept.rates.clone().scaled(kept.over_ms as f64 / over_ms as f64);
            sample.latency.merge(&kept.latency);
        }
        let before = self.kept(before);
        for node in &snapshot.nodes {
            // Only what was not told is looked for before.
            let untold = node.load == NodeLoad::default();
            sample.add(node, untold.then(|| node_of(before, &node.name)).flatten());
        }
        sample
    }

    /// What the charts show of one node since a moment. Where it was not known, there is nothing.
    pub fn samples_of(&self, name: &Name, from_ms: u64) -> Vec<Sample> {
        self.places(from_ms)
            .filter_map(|at| self.sample_of(name, self.rates_from(at), at))
            .collect()
    }

    fn sample_of(&self, name: &Name, before: usize, at: usize) -> Option<Sample> {
        let (before, kept) = (self.kept(before), self.kept(at));
        let now = node_of(kept, name)?;
        let mut sample = Sample {
            at_ms: kept.snapshot.at_ms,
            latency: now.load.latency.clone(),
            ..Sample::default()
        };
        let known = node_of(before, name);
        if let Some(known) = known {
            let at_ms = [before, kept].map(|kept| kept.snapshot.at_ms);
            sample.rates = Rates::of_node((known, at_ms[0]), (now, at_ms[1]));
        }
        sample.add(now, known);
        Some(sample)
    }

    /// The places of the snapshots since a moment that have one before them.
    pub(super) fn places(&self, from_ms: u64) -> Range<usize> {
        self.at(from_ms).unwrap_or(0).max(1)..self.len()
    }
}

fn node_of<'a>(kept: &'a Kept, name: &Name) -> Option<&'a NodeStatus> {
    kept.snapshot.nodes.iter().find(|node| node.name == *name)
}
