//! A snapshot, as Prometheus reads it. The names are made anew for each scrape, so that a node that
//! was forgotten leaves no figures behind.

use metrics::{counter, gauge, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;
use trunkline_protocol::{
    Name,
    control::MemberState,
    status::{NodeStatus, RedisState, RelayStatus, Snapshot},
};

/// Every state that a node can be in, and its word.
const STATES: [(MemberState, &str); 6] = [
    (MemberState::Joining, "joining"),
    (MemberState::Live, "live"),
    (MemberState::Suspect, "suspect"),
    (MemberState::Draining, "draining"),
    (MemberState::Dead, "dead"),
    (MemberState::Left, "left"),
];

/// The text of a scrape.
pub(crate) fn render(snapshot: &Snapshot) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    with_local_recorder(&recorder, || {
        relay(&snapshot.relay);
        snapshot.nodes.iter().for_each(node);
        for flow in &snapshot.flows {
            let labels = [("from", label(&flow.from)), ("to", label(&flow.to))];
            counter!("trunkline_relay_flow_messages_total", &labels).absolute(flow.messages);
            counter!("trunkline_relay_flow_bytes_total", &labels).absolute(flow.bytes);
        }
    });
    recorder.handle().render()
}

fn relay(relay: &RelayStatus) {
    counter!("trunkline_relay_forwarded_messages_total").absolute(relay.forwarded);
    counter!("trunkline_relay_forwarded_bytes_total").absolute(relay.forwarded_bytes);
    let refused = "trunkline_relay_refused_messages_total";
    counter!(refused, "reason" => "full").absolute(relay.refused_full);
    counter!(refused, "reason" => "gone").absolute(relay.refused_gone);
    counter!("trunkline_relay_dropped_total").absolute(relay.dropped);
    gauge!("trunkline_relay_cpu_seconds").set(relay.cpu_ms as f64 / 1_000.0);
    gauge!("trunkline_relay_memory_bytes").set(relay.memory_bytes as f64);
    gauge!("trunkline_relay_started_at_seconds").set(relay.started_at_ms as f64 / 1_000.0);
    let up = matches!(relay.redis, RedisState::Up);
    gauge!("trunkline_relay_redis_up").set(f64::from(u8::from(up)));
}

fn node(node: &NodeStatus) {
    let name = || label(&node.name);
    for (state, word) in STATES {
        let is = f64::from(u8::from(node.state == state));
        gauge!("trunkline_relay_node_state", "node" => name(), "state" => word).set(is);
    }
    let labels = [("node", name())];
    gauge!("trunkline_relay_node_sessions", &labels).set(node.load.sessions);
    gauge!("trunkline_relay_node_capacity", &labels).set(node.capacity);
    gauge!("trunkline_relay_node_silent_seconds", &labels).set(node.silent_ms as f64 / 1_000.0);
    if let Some(link) = &node.link {
        gauge!("trunkline_relay_link_rtt_seconds", &labels).set(link.rtt_us as f64 / 1_000_000.0);
        counter!("trunkline_relay_link_lost_packets_total", &labels).absolute(link.lost_packets);
        for (lane, &bytes) in link.queued_bytes.iter().enumerate() {
            let labels = [("node", name()), ("lane", lane.to_string())];
            gauge!("trunkline_relay_lane_queued_bytes", &labels).set(bytes as f64);
        }
    }
    if let Some(purge) = &node.purge {
        gauge!("trunkline_relay_purged_users", &labels).set(purge.removed as f64);
        gauge!("trunkline_relay_verdict_seconds", &labels).set(purge.verdict_ms as f64 / 1_000.0);
    }
}

fn label(name: &Name) -> String {
    name.as_str().to_owned()
}
