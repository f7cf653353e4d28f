use std::{collections::HashMap, sync::Arc};

use trunkline_protocol::{
    Name,
    control::MemberState,
    status::{LatencyHistogram, NodeStatus, Snapshot, TrafficFlow},
};

use super::counters::{CounterValues, Rates, growth, per_second};

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
    /// The time from accept to receipt, of the sends that ended recently on any node.
    pub latency: LatencyHistogram,
}

impl ClusterStatus {
    /// The status at `now`, with rates since `before`.
    pub fn between(before: &Snapshot, now: Arc<Snapshot>, latency: LatencyHistogram) -> Self {
        let over_ms = now.at_ms.saturating_sub(before.at_ms);
        let rates = now.nodes.iter().enumerate().map(|(index, node)| {
            let known = find_node(before, &node.name, index);
            known.map_or_else(Rates::default, |known| {
                Rates::of_node((known, before.at_ms), (node, now.at_ms))
            })
        });
        let rates: Vec<_> = rates.collect();
        let relay = CounterValues::of_relay(&now.relay);
        let mut total = relay.since(&CounterValues::of_relay(&before.relay)).per_second(over_ms);
        rates.iter().for_each(|rates| total += rates);
        let counted = before.flows.iter().map(|flow| ((&flow.from, &flow.to), flow.messages));
        let counted: HashMap<_, _> = counted.collect();
        let flows = now.flows.iter().map(|flow| {
            let before = counted.get(&(&flow.from, &flow.to)).copied().unwrap_or(0);
            per_second(growth(before, flow.messages), over_ms)
        });
        let flows = flows.collect();
        Self { rates, total, flows, latency, snapshot: now }
    }

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

/// The node with a name. Most snapshots of one history have it at the same `index`.
pub(super) fn find_node<'a>(
    snapshot: &'a Snapshot,
    name: &Name,
    index: usize,
) -> Option<&'a NodeStatus> {
    let has_name = |node: &&NodeStatus| node.name == *name;
    snapshot.nodes.get(index).filter(has_name).or_else(|| snapshot.nodes.iter().find(has_name))
}

/// Whether a node in this state still holds sessions.
pub(crate) fn is_present(state: MemberState) -> bool {
    !matches!(state, MemberState::Dead | MemberState::Left)
}
