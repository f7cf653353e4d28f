use std::sync::Arc;

use trunkline_protocol::{
    Name,
    control::MemberState,
    status::{LatencyHistogram, NodeStatus, Snapshot, TrafficFlow},
};

use super::{counters::Rates, incident_status::IncidentStatus, send_tally::SendTotals};

/// A snapshot with the rates up to it. The views draw one of these, the latest or a past one.
#[derive(Clone, Debug)]
pub struct ClusterStatus {
    /// What the relay wrote.
    pub snapshot: Arc<Snapshot>,
    /// The rates of each node, in the snapshot's order.
    pub rates: Vec<Rates>,
    /// The rates of the relay and all nodes.
    pub total: Rates,
    /// The messages per second of each flow, in the snapshot's order.
    pub flows: Vec<f64>,
    /// The time from accept to receipt, of the sends that were delivered recently by any node.
    pub latency: LatencyHistogram,
    /// The time from accept to another outcome, of the sends that ended recently on any node.
    pub failure_latency: LatencyHistogram,
    /// What was counted up to the snapshot.
    pub sends: SendWindows,
    /// The incident that lasts, or was over not long before.
    pub incident: Option<IncidentStatus>,
}

/// What was counted in the times before a snapshot, as far as the history goes back.
#[derive(Clone, Debug, Default)]
pub struct SendWindows {
    /// In the last [`FAILING_WINDOW_MS`](crate::defaults::FAILING_WINDOW_MS).
    pub recent: SendTotals,
    /// In the last [`TOTALS_MS`](crate::defaults::TOTALS_MS).
    pub quarter: SendTotals,
    /// In the last hour.
    pub hour: SendTotals,
}

impl ClusterStatus {
    /// Each node with its rates.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeStatus, &Rates)> {
        self.snapshot.nodes.iter().zip(&self.rates)
    }

    /// One node with its rates.
    pub fn node(&self, name: &Name) -> Option<(&NodeStatus, &Rates)> {
        self.nodes().find(|(node, _)| node.name == *name)
    }

    /// Each flow with its messages per second.
    pub fn flows(&self) -> impl Iterator<Item = (&TrafficFlow, f64)> {
        self.snapshot.flows.iter().zip(self.flows.iter().copied())
    }

    /// The nodes that are present: neither dead nor gone.
    pub fn present(&self) -> impl Iterator<Item = &NodeStatus> {
        self.snapshot.nodes.iter().filter(|node| is_present(node.state))
    }

    /// The nodes that accept logins, as far as is known.
    pub fn accepting(&self) -> impl Iterator<Item = &NodeStatus> {
        let accepts = |state| matches!(state, MemberState::Live | MemberState::Suspect);
        self.snapshot.nodes.iter().filter(move |node| accepts(node.state))
    }

    /// How many nodes are in a state.
    pub fn count(&self, state: MemberState) -> usize {
        self.snapshot.nodes.iter().filter(|node| node.state == state).count()
    }

    /// The sessions and the capacity of the present nodes.
    pub fn sessions_and_capacity(&self) -> (u64, u64) {
        self.present().fold((0, 0), |(sessions, capacity), node| {
            (sessions + u64::from(node.load.sessions), capacity + u64::from(node.capacity))
        })
    }
}

/// The index of the node with a name. Most snapshots of one history have it at the same `index`.
pub(super) fn node_index(snapshot: &Snapshot, name: &Name, index: usize) -> Option<usize> {
    let has_name = |node: &NodeStatus| node.name == *name;
    let is_same = snapshot.nodes.get(index).is_some_and(has_name);
    if is_same { Some(index) } else { snapshot.nodes.iter().position(has_name) }
}

/// The node with a name, which most snapshots of one history have at the same `index`.
pub(super) fn find_node<'a>(
    snapshot: &'a Snapshot,
    name: &Name,
    index: usize,
) -> Option<&'a NodeStatus> {
    node_index(snapshot, name, index).map(|index| &snapshot.nodes[index])
}

/// Whether a node in this state still holds sessions.
pub(crate) fn is_present(state: MemberState) -> bool {
    !matches!(state, MemberState::Dead | MemberState::Left)
}
