use std::{collections::HashMap, sync::Arc};

use trunkline_protocol::{
    Name,
    status::{NodeLoad, NodeStatus, Snapshot},
};

use super::send_counts::SendCounts;
use crate::defaults::HISTORY_MS;

/// The sends of all nodes, counted on while the window sees no node, no relay or an empty report, and
/// when a node's process starts again from zero.
#[derive(Debug, Default)]
pub(super) struct SendTally {
    nodes: HashMap<Name, NodeTally>,
    /// When the first snapshot was taken.
    first_ms: Option<u64>,
    totals: Arc<SendTotals>,
}

#[derive(Debug)]
struct NodeTally {
    /// When the process started that has reported last.
    started_at_ms: u64,
    /// The process's latest report.
    reported: SendCounts,
    total: SendCounts,
    seen_ms: u64,
}

/// What was counted from the first snapshot up to one moment. The difference of two of them is exact,
/// whatever happened in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendTotals {
    /// By node, in no order.
    nodes: Vec<(Name, SendCounts)>,
    all: SendCounts,
}

impl SendTally {
    /// The totals up to a snapshot, which must be the next after the last one.
    pub(super) fn update(&mut self, snapshot: &Snapshot) -> Arc<SendTotals> {
        let first_ms = *self.first_ms.get_or_insert(snapshot.at_ms);
        let mut grown = SendCounts::default();
        for node in snapshot.nodes.iter().filter(|node| node.load != NodeLoad::default()) {
            grown += &self.update_node(node, snapshot.at_ms, first_ms);
        }
        let known = self.nodes.len();
        self.nodes.retain(|_, tally| tally.seen_ms + HISTORY_MS >= snapshot.at_ms);
        let is_changed = grown != SendCounts::default() || self.totals.nodes.len() != known;
        if is_changed || known != self.nodes.len() {
            let nodes = self.nodes.iter().map(|(name, tally)| (name.clone(), tally.total));
            let mut all = self.totals.all;
            all += &grown;
            self.totals = Arc::new(SendTotals { nodes: nodes.collect(), all });
        }
        self.totals.clone()
    }

    /// Returns what the node has counted since its last report.
    fn update_node(&mut self, node: &NodeStatus, at_ms: u64, first_ms: u64) -> SendCounts {
        let (started_at_ms, reported) = (node.started_at_ms, SendCounts::of(&node.load));
        let Some(tally) = self.nodes.get_mut(&node.name) else {
            // What a process counted before the window saw the cluster is not of this time.
            let total = if started_at_ms > first_ms { reported } else { SendCounts::default() };
            let tally = NodeTally { started_at_ms, reported, total, seen_ms: at_ms };
            self.nodes.insert(node.name.clone(), tally);
            return total;
        };
        let is_same_process = tally.started_at_ms == started_at_ms;
        let before = if is_same_process { tally.reported } else { SendCounts::default() };
        let grown = reported.since(&before);
        tally.total += &grown;
        (tally.started_at_ms, tally.reported, tally.seen_ms) = (started_at_ms, reported, at_ms);
        grown
    }
}

impl SendTotals {
    /// What all nodes have counted.
    pub fn all(&self) -> SendCounts {
        self.all
    }

    /// What was counted since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let known: HashMap<_, _> =
            before.nodes.iter().map(|(name, counts)| (name, counts)).collect();
        let nodes = self.nodes.iter().map(|(name, counts)| {
            let before = known.get(name).copied().copied().unwrap_or_default();
            (name.clone(), counts.since(&before))
        });
        Self { nodes: nodes.collect(), all: self.all.since(&before.all) }
    }

    /// Each node with its counts, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = (&Name, &SendCounts)> {
        self.nodes.iter().map(|(name, counts)| (name, counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::Cluster;

    /// A cluster of one node that has reported this number of unreachable sends.
    fn snapshot(cluster: &mut Cluster, unreachable: u64) -> Snapshot {
        cluster.node_mut(0).load.outcomes.unreachable = unreachable;
        cluster.step(500)
    }

    fn unreachable(totals: &SendTotals) -> u64 {
        totals.all().outcomes.unreachable
    }

    #[test]
    fn counts_go_on_while_the_relay_is_away() {
        let (mut tally, mut cluster) = (SendTally::default(), Cluster::of(1));
        let start = tally.update(&snapshot(&mut cluster, 100));
        // The restarted relay knows no node at first, then one without a report.
        let mut empty = cluster.step(30_000);
        empty.nodes.clear();
        tally.update(&empty);
        let mut unreported = cluster.step(500);
        unreported.nodes[0].load = NodeLoad::default();
        tally.update(&unreported);
        let end = tally.update(&snapshot(&mut cluster, 20_100));
        assert_eq!(unreachable(&end.since(&start)), 20_000);
    }

    #[test]
    fn restarted_process_counts_from_zero_even_past_its_old_count() {
        let (mut tally, mut cluster) = (SendTally::default(), Cluster::of(1));
        let start = tally.update(&snapshot(&mut cluster, 100));
        tally.update(&snapshot(&mut cluster, 110));
        cluster.node_mut(0).started_at_ms += 5_000_000;
        let end = tally.update(&snapshot(&mut cluster, 300));
        assert_eq!(unreachable(&end.since(&start)), 310);
    }

    #[test]
    fn node_that_started_before_the_window_brings_no_old_counts() {
        let (mut tally, mut cluster) = (SendTally::default(), Cluster::of(2));
        let mut first = cluster.step(500);
        first.nodes.truncate(1);
        let start = tally.update(&first);
        cluster.node_mut(1).load.outcomes.busy = 7;
        let old = tally.update(&cluster.step(500));
        assert_eq!(old.since(&start).all().outcomes.busy, 0);
        let mut started = Cluster::of(3);
        (0..3).for_each(|_| drop(started.step(500)));
        started.node_mut(2).started_at_ms = started.now_ms();
        started.node_mut(2).load.outcomes.busy = 5;
        let new = tally.update(&started.step(500));
        assert_eq!(new.since(&old).nodes().map(|(_, of)| of.outcomes.busy).max(), Some(5));
    }
}
