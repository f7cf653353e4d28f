//! The relay's metrics.

use metrics::{counter, gauge};
use trunkline_protocol::{
    Name,
    control::MemberState,
    status::{NodeStatus, RedisState, RelayStatus, Snapshot},
};

/// Every state of a node, and its label.
const STATES: [(MemberState, &str); 6] = [
    (MemberState::Joining, "joining"),
    (MemberState::Live, "live"),
    (MemberState::Suspect, "suspect"),
    (MemberState::Draining, "draining"),
    (MemberState::Dead, "dead"),
    (MemberState::Left, "left"),
];

/// Reports a snapshot to the current recorder.
pub(super) fn report(snapshot: &Snapshot) {
    report_relay(&snapshot.relay);
    snapshot.nodes.iter().for_each(report_node);
    for flow in &snapshot.flows {
        let labels = [("from", label(&flow.from)), ("to", label(&flow.to))];
        counter!("trunkline_relay_flow_messages_total", &labels).absolute(flow.messages);
        counter!("trunkline_relay_flow_bytes_total", &labels).absolute(flow.bytes);
    }
}

fn report_relay(relay: &RelayStatus) {
    counter!("trunkline_relay_forwarded_messages_total").absolute(relay.forwarded);
    counter!("trunkline_relay_forwarded_bytes_total").absolute(relay.forwarded_bytes);
    let refused = "trunkline_relay_refused_messages_total";
    counter!(refused, "reason" => "full").absolute(relay.refused_full);
    counter!(refused, "reason" => "gone").absolute(relay.refused_gone);
    counter!("trunkline_relay_dropped_messages_total").absolute(relay.dropped);
    let is_up = matches!(relay.redis, RedisState::Up);
    gauge!("trunkline_relay_redis_up").set(f64::from(u8::from(is_up)));
    // The `metrics` crate counts in whole numbers. A gauge keeps the fractions of a second, and
    // Prometheus' `rate()` takes either.
    gauge!("process_cpu_seconds_total").set(seconds(relay.cpu_ms));
    gauge!("process_resident_memory_bytes").set(relay.memory_bytes as f64);
    gauge!("process_start_time_seconds").set(seconds(relay.started_at_ms));
}

fn report_node(node: &NodeStatus) {
    let name = || label(&node.name);
    for (state, word) in STATES {
        let is = f64::from(u8::from(node.state == state));
        gauge!("trunkline_relay_node_state", "node" => name(), "state" => word).set(is);
    }
    let labels = [("node", name())];
    gauge!("trunkline_relay_node_sessions", &labels).set(node.load.sessions);
    gauge!("trunkline_relay_node_capacity", &labels).set(node.capacity);
    gauge!("trunkline_relay_node_silent_seconds", &labels).set(seconds(node.silent_ms));
    if let Some(link) = &node.link {
        gauge!("trunkline_relay_link_rtt_seconds", &labels).set(link.rtt_us as f64 / 1_000_000.0);
        counter!("trunkline_relay_link_lost_packets_total", &labels).absolute(link.lost_packets);
        for (lane, &bytes) in link.queued_bytes.iter().enumerate() {
            let labels = [("node", name()), ("lane", lane.to_string())];
            gauge!("trunkline_relay_lane_queue_bytes", &labels).set(bytes as f64);
        }
    }
    if let Some(purge) = &node.purge {
        gauge!("trunkline_relay_purged_users", &labels).set(purge.removed as f64);
        let detection = seconds(purge.verdict_ms);
        gauge!("trunkline_relay_death_detection_seconds", &labels).set(detection);
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

fn label(name: &Name) -> String {
    name.as_str().to_owned()
}
