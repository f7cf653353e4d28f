use trunkline_protocol::{
    Name,
    status::{NodeLoad, NodeStatus, Snapshot},
};

use super::{
    cluster_status::{find_node, is_present},
    counters::{growth, per_second},
    history::SnapshotHistory,
};

/// One node's share of the cluster's traffic and sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeShare {
    /// Messages per second that the relay forwarded from the node.
    pub forwarded: f64,
    /// Sessions that are logged in.
    pub sessions: f64,
}

/// The shares of all nodes at one moment. All are taken from the same two snapshots, so they add up.
#[derive(Clone, Debug)]
pub struct NodeShares<'a> {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    before: &'a Snapshot,
    now: &'a Snapshot,
}

impl NodeShares<'_> {
    /// Each node with its share, in the order of the names.
    pub fn nodes(&self) -> impl Iterator<Item = (&Name, NodeShare)> {
        let over_ms = self.now.at_ms.saturating_sub(self.before.at_ms);
        // A restarted relay has counted from zero, even if it is past its old value by now.
        let is_same_relay = self.before.relay.started_at_ms == self.now.relay.started_at_ms;
        self.now.nodes.iter().enumerate().map(move |(index, node)| {
            let Some(known) = find_node(self.before, &node.name, index) else {
                return (&node.name, NodeShare { forwarded: 0.0, sessions: sessions(node, None) });
            };
            let before = if is_same_relay { known.forwarded_from } else { 0 };
            let forwarded = per_second(growth(before, node.forwarded_from), over_ms);
            (&node.name, NodeShare { forwarded, sessions: sessions(node, Some(known)) })
        })
    }
}

fn sessions(node: &NodeStatus, known: Option<&NodeStatus>) -> f64 {
    let load = reported_load(node, known);
    if is_present(node.state) { load.sessions.into() } else { 0.0 }
}

/// The load that a node last reported. A restarted relay shows an empty load until the node's first
/// report; `known`, from an earlier snapshot, stands in for it.
pub(super) fn reported_load<'a>(
    node: &'a NodeStatus,
    known: Option<&'a NodeStatus>,
) -> &'a NodeLoad {
    let is_unreported = node.load == NodeLoad::default();
    known
        .filter(|known| is_unreported && known.incarnation == node.incarnation)
        .map_or(&node.load, |known| &known.load)
}

impl SnapshotHistory {
    /// The shares of all nodes, from a moment on.
    pub fn node_shares(&self, from_ms: u64) -> impl Iterator<Item = NodeShares<'_>> {
        self.indices_from(from_ms).map(|index| {
            let (before, now) = (self.entry(self.rates_from(index)), self.entry(index));
            let (before, now) = (&*before.snapshot, &*now.snapshot);
            NodeShares { at_ms: now.at_ms, before, now }
        })
    }
}
