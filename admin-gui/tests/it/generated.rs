//! Generated snapshots of a cluster that does not run.

#![allow(dead_code, reason = "the tests, the example and the benchmark each use a part")]

use trunkline_protocol::{
    Incarnation, Name,
    control::MemberState,
    status::{
        ClusterEvent, EventKind, LatencyHistogram, LinkStatus, NodeLoad, NodeStatus, PurgeStatus,
        RedisState, RelayStatus, Snapshot, StatusLine, TrafficFlow,
    },
};

/// The first snapshot's time: 2026-09-21 14:13:20 UTC.
pub(crate) const START_MS: u64 = 1_790_000_000_000;

/// A cluster whose counters grow from snapshot to snapshot.
pub(crate) struct Cluster {
    now: Snapshot,
    steps: u64,
    is_quiet: bool,
}

impl Cluster {
    /// A cluster of live nodes with traffic, named node-1, node-2 and so on.
    pub(crate) fn of(nodes: usize) -> Self {
        let names: Vec<_> = (1..=nodes).map(name).collect();
        let flow = |from: &Name, to: &Name| TrafficFlow {
            from: from.clone(),
            to: to.clone(),
            messages: 0,
            bytes: 0,
        };
        // Each node sends to the next six: pairs of a hundred nodes would be ten thousand.
        let near =
            (0..nodes).flat_map(|at| (1..nodes.min(7)).map(move |step| (at, (at + step) % nodes)));
        let flows = near.map(|(from, to)| flow(&names[from], &names[to])).collect();
        let nodes = names.iter().enumerate().map(|(at, name)| node(at, name)).collect();
        let now = Snapshot { at_ms: START_MS, relay: relay(), nodes, flows };
        Self { now, steps: 0, is_quiet: false }
    }

    /// A cluster without traffic.
    pub(crate) fn quiet(nodes: usize) -> Self {
        Self { is_quiet: true, ..Self::of(nodes) }
    }

    /// The snapshot `ms` milliseconds later.
    pub(crate) fn step(&mut self, ms: u64) -> Snapshot {
        self.now.at_ms += ms;
        self.steps += 1;
        if self.is_quiet {
            return self.now.clone();
        }
        let trend = 1.0 + 0.4 * (self.steps as f64 / 23.0).sin();
        for at in 0..self.now.nodes.len() {
            self.step_node(at, ms, trend);
        }
        self.step_flows(ms, trend);
        self.now.clone()
    }

    fn step_node(&mut self, at: usize, ms: u64, trend: f64) {
        let node = &mut self.now.nodes[at];
        if !matches!(node.state, MemberState::Live | MemberState::Draining) {
            node.silent_ms += ms;
            return;
        }
        let wave = trend * (1.0 + 0.3 * ((self.steps + 7 * at as u64) as f64 / 5.0).sin());
        let sent = (wave * ms as f64 * (0.4 + 0.13 * (at % 5) as f64)) as u64;
        let load = &mut node.load;
        load.accepted += sent;
        load.delivered_locally += sent / 3;
        load.delivered_from_links += sent - sent / 3;
        load.outcomes.delivered += sent - sent / 50;
        load.outcomes.offline += sent / 50;
        load.cpu_ms += (ms as f64 * 0.2 * wave) as u64;
        load.pending = (wave * 12.0) as u32;
        load.lane_bytes = (wave * 900.0) as u64;
        load.session_bytes = (wave * 2_100.0) as u64;
        load.look_ups += sent / 40;
        let middle = (180.0 * wave) as u64;
        load.latency = LatencyHistogram(vec![
            (middle, sent * 6 / 10),
            (middle * 2, sent * 3 / 10),
            (middle * 9, sent / 10),
        ]);
        let link = node.link.as_mut().expect("a live node has a link");
        link.sent_packets += sent / 8;
        link.rtt_us = 140 + (40.0 * wave) as u64;
        link.queued_bytes.iter_mut().for_each(|bytes| *bytes = (wave * 300.0) as u64);
    }

    fn step_flows(&mut self, ms: u64, trend: f64) {
        let relay = &mut self.now.relay;
        for (at, flow) in self.now.flows.iter_mut().enumerate() {
            let is_live = |name: &Name| {
                self.now
                    .nodes
                    .iter()
                    .any(|node| node.name == *name && node.state == MemberState::Live)
            };
            if !is_live(&flow.from) || !is_live(&flow.to) {
                continue;
            }
            let passed = (trend * ms as f64 * 0.02 * (1 + at % 9) as f64) as u64;
            flow.messages += passed;
            flow.bytes += passed * 190;
            relay.forwarded += passed;
            relay.forwarded_bytes += passed * 190;
            for node in &mut self.now.nodes {
                node.forwarded_from += if node.name == flow.from { passed } else { 0 };
                node.forwarded_to += if node.name == flow.to { passed } else { 0 };
            }
        }
        relay.cpu_ms += ms / 11;
    }

    /// A node, to change it.
    pub(crate) fn node_mut(&mut self, at: usize) -> &mut NodeStatus {
        &mut self.now.nodes[at]
    }

    /// The relay, to change it.
    pub(crate) fn relay_mut(&mut self) -> &mut RelayStatus {
        &mut self.now.relay
    }

    /// The latest snapshot.
    pub(crate) fn now(&self) -> Snapshot {
        self.now.clone()
    }

    /// The time of the latest snapshot.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now.at_ms
    }

    /// Declares a node dead, and purges its users at once.
    pub(crate) fn kill(&mut self, at: usize) -> [ClusterEvent; 2] {
        let node = &mut self.now.nodes[at];
        node.state = MemberState::Dead;
        node.link = None;
        let removed = node.load.users.into();
        node.purge =
            Some(PurgeStatus { removed, kept: 3, verdict_ms: 1_640, done_ms: Some(1_890) });
        let event = |kind| ClusterEvent {
            at_ms: self.now.at_ms,
            node: Some(node.name.clone()),
            incarnation: Some(node.incarnation),
            kind,
        };
        [
            event(EventKind::Dead { verdict_ms: 1_640 }),
            event(EventKind::Cleaned { removed, kept: 3, done_ms: 1_890 }),
        ]
    }
}

/// The first line of the status stream.
pub(crate) fn hello(may_act: bool) -> StatusLine {
    StatusLine::Hello { version: 1, relay: "relay-1".parse().expect("it is a name"), may_act }
}

/// A snapshot as a status line.
pub(crate) fn line(snapshot: Snapshot) -> StatusLine {
    StatusLine::Snapshot(Box::new(snapshot))
}

fn name(number: usize) -> Name {
    format!("node-{number}").parse().expect("it is a name")
}

fn relay() -> RelayStatus {
    RelayStatus {
        name: "relay-1".parse().expect("it is a name"),
        software: "0.1.0".into(),
        started_at_ms: START_MS - 7_200_000,
        redis: RedisState::Up,
        redis_trouble: None,
        forwarded: 0,
        forwarded_bytes: 0,
        refused_full: 0,
        refused_gone: 0,
        dropped: 0,
        cpu_ms: 0,
        memory_bytes: 11_400_000,
    }
}

fn node(at: usize, name: &Name) -> NodeStatus {
    let users = 120 + (at as u32 * 53) % 360;
    NodeStatus {
        name: name.clone(),
        incarnation: Incarnation::from_bytes([at as u8 + 1; 16]),
        state: MemberState::Live,
        url: format!("ws://127.0.0.1:{}/ws", 9_001 + at),
        capacity: 500,
        started_at_ms: START_MS - 3_600_000 - at as u64 * 1_000,
        software: "0.1.0".into(),
        silent_ms: 40,
        forwarded_from: 0,
        forwarded_to: 0,
        load: NodeLoad {
            sessions: users + 4,
            slots: users + 4,
            users,
            redis: true,
            memory_bytes: 18_000_000 + at as u64 * 310_000,
            ..NodeLoad::default()
        },
        link: Some(LinkStatus {
            address: format!("127.0.0.1:{}", 40_000 + at),
            since_ms: START_MS - 3_590_000,
            rtt_us: 150,
            window_bytes: 262_144,
            sent_packets: 0,
            lost_packets: 0,
            queued_bytes: vec![0; 5],
        }),
        load_at_ms: 0,
        purge: None,
    }
}
