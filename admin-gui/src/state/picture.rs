use std::{collections::HashMap, sync::Arc};

use trunkline_protocol::{
    Name,
    control::MemberState,
    status::{LatencyHistogram, NodeStatus, Snapshot, TrafficFlow},
};

use super::counters::{Counts, Rates};

/// The cluster at one moment, with the rates up to it. All that is drawn comes from one picture,
/// be it the latest or one of an hour ago.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What the relay wrote.
    pub snapshot: Arc<Snapshot>,
    /// The rates of each node, in the snapshot's order.
    pub rates: Vec<Rates>,
    /// The rates of the whole cluster and its relay.
    pub total: Rates,
    /// Messages a second of each flow, in the snapshot's order.
    pub flows: Vec<f64>,
    /// The time from accept to receipt, of the sends that ended lately on any node.
    pub latency: LatencyHistogram,
}

impl Picture {
    /// The picture at `now`, with rates since `before`.
    pub fn between(before: &Snapshot, now: Arc<Snapshot>, latency: LatencyHistogram) -> Self {
        let over_ms = now.at_ms.saturating_sub(before.at_ms);
        let known: HashMap<_, _> = before.nodes.iter().map(|node| (&node.name, node)).collect();
        let rates = now.nodes.iter().map(|node| match known.get(&node.name) {
            Some(known) => Rates::of_node((known, before.at_ms), (node, now.at_ms)),
            None => Rates::default(),
        });
        let rates: Vec<_> = rates.collect();
        let relay = Counts::of_relay(&now.relay).since(&Counts::of_relay(&before.relay));
        let mut total = relay.per_second(over_ms);
        rates.iter().for_each(|rates| total += rates);
        let passed = before.flows.iter().map(|flow| ((&flow.from, &flow.to), flow.messages));
        let passed: HashMap<_, _> = passed.collect();
        let flows = now.flows.iter().map(|flow| {
            let before = passed.get(&(&flow.from, &flow.to)).copied().unwrap_or(0);
            rate_of(before, flow.messages, over_ms)
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

    /// Each flow with its messages a second.
    pub fn flows(&self) -> impl Iterator<Item = (&TrafficFlow, f64)> {
        self.snapshot.flows.iter().zip(self.flows.iter().copied())
    }

    /// The nodes that are there: all but the dead and those that have left.
    pub fn present(&self) -> impl Iterator<Item = &NodeStatus> {
        self.snapshot.nodes.iter().filter(|node| is_present(node.state))
    }

    /// How many nodes are in a state.
    pub fn count(&self, state: MemberState) -> usize {
        self.snapshot.nodes.iter().filter(|node| node.state == state).count()
    }

    /// The sessions and the capacity of the nodes that are there.
    pub fn seats(&self) -> (u64, u64) {
        self.present().fold((0, 0), |(sessions, capacity), node| {
            (sessions + u64::from(node.load.sessions), capacity + u64::from(node.capacity))
        })
    }
}

/// Whether a node in this state still holds sessions.
pub(crate) fn is_present(state: MemberState) -> bool {
    !matches!(state, MemberState::Dead | MemberState::Left)
}

fn rate_of(before: u64, now: u64, over_ms: u64) -> f64 {
    let grown = now.checked_sub(before).unwrap_or(now);
    if over_ms == 0 { 0.0 } else { grown as f64 * 1000.0 / over_ms as f64 }
}
