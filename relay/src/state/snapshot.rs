//! The cluster at one moment: as operators see it, and as it is announced to the nodes.

use std::time::Instant;

use trunkline_link::Lane;
use trunkline_protocol::{
    Name,
    control::{Member, ToNode},
    status::{LinkStatus, NodeStatus, RedisState, RelayStatus, Snapshot},
};

use super::{link_record::LinkRecord, relay_state::RelayState};
use crate::liveness::{NodeView, RedisReach};

impl RelayState {
    /// The cluster now; `at_ms` is the same moment in Unix milliseconds. The control plane adds what
    /// it takes a system call to know.
    pub(crate) fn snapshot(&self, at_ms: u64, now: Instant) -> Snapshot {
        let nodes = self.liveness.nodes().into_iter();
        Snapshot {
            at_ms,
            relay: relay_status(self, at_ms, now),
            nodes: nodes.map(|(name, node)| node_status(self, name, node, now)).collect(),
            flows: self.switch.traffic.pairs(),
        }
    }

    /// The membership now. A node that is admitted gets it within the current epoch.
    pub(super) fn members(&self) -> ToNode {
        let nodes = self.liveness.nodes().into_iter();
        let members = nodes.map(|(name, node)| {
            let reported = self.registry.of(node.incarnation);
            Member {
                name: name.clone(),
                incarnation: node.incarnation,
                state: node.state,
                url: reported.url,
                capacity: reported.capacity,
                sessions: reported.load.sessions,
                rebuilding: reported.load.rebuilding,
            }
        });
        ToNode::Members { epoch: self.members_epoch, members: members.collect() }
    }
}

fn relay_status(state: &RelayState, at_ms: u64, now: Instant) -> RelayStatus {
    let forwarded = state.switch.traffic.total;
    let rejected = state.switch.rejected;
    let redis = match state.liveness.redis {
        RedisReach::Up { .. } => RedisState::Up,
        RedisReach::Away { since } => {
            let away_ms = now.saturating_duration_since(since).as_millis() as u64;
            RedisState::Away { since_ms: at_ms.saturating_sub(away_ms) }
        }
    };
    RelayStatus {
        name: state.name.clone(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        started_at_ms: state.started_at_ms,
        redis,
        redis_trouble: None,
        forwarded: forwarded.messages,
        forwarded_bytes: forwarded.bytes,
        refused_full: rejected.full,
        refused_gone: rejected.gone,
        dropped: rejected.dropped,
        cpu_ms: 0,
        memory_bytes: 0,
    }
}

fn node_status(state: &RelayState, name: &Name, node: NodeView, now: Instant) -> NodeStatus {
    let reported = state.registry.of(node.incarnation);
    let (from, to) = state.switch.traffic.of(name);
    let silent = now.saturating_duration_since(node.last_sign);
    let link = node.link.and_then(|id| state.links.get(&id));
    NodeStatus {
        name: name.clone(),
        incarnation: node.incarnation,
        state: node.state,
        url: reported.url,
        capacity: reported.capacity,
        started_at_ms: reported.started_at_ms,
        software: reported.software,
        silent_ms: silent.as_millis() as u64,
        forwarded_from: from.messages,
        forwarded_to: to.messages,
        load: reported.load,
        load_at_ms: reported.load_at_ms,
        link: link.map(link_status),
        purge: node.purge,
    }
}

fn link_status(link: &LinkRecord) -> LinkStatus {
    let transport = &link.control.transport;
    let path = transport.path_stats();
    LinkStatus {
        address: transport.remote_address().to_string(),
        since_ms: link.opened_at_ms,
        rtt_us: path.rtt.as_micros() as u64,
        window_bytes: path.cwnd,
        sent_packets: path.sent_packets,
        lost_packets: path.lost_packets,
        queued_bytes: link.port.lanes().map(Lane::queued_bytes).map(|bytes| bytes as u64).collect(),
    }
}
