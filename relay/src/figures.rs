//! How the relay is, for whoever scrapes it.
//!
//! All of it is answered from the last snapshot that the data path gave, at most a second old: a
//! scrape costs the data path nothing.

use std::sync::Arc;

use metrics::{counter, gauge};
use tokio::sync::watch;
use trunkline_ops::Monitored;
use trunkline_protocol::{
    Name,
    control::MemberState,
    status::{NodeStatus, RedisState, RelayStatus, Snapshot},
};

use crate::{clock::unix_ms, defaults::STALE, status::Published};

/// Every state that a node can be in, and its word.
const STATES: [(MemberState, &str); 6] = [
    (MemberState::Joining, "joining"),
    (MemberState::Live, "live"),
    (MemberState::Suspect, "suspect"),
    (MemberState::Draining, "draining"),
    (MemberState::Dead, "dead"),
    (MemberState::Left, "left"),
];

/// The relay, as its operations endpoint sees it.
pub(crate) struct Figures(pub(crate) watch::Receiver<Option<Arc<Published>>>);

impl Monitored for Figures {
    /// The data path runs, and reaches Redis, so that it can clean up after nodes. It forwards
    /// without, too.
    fn ready(&self) -> Result<(), String> {
        let Some(published) = self.latest() else {
            return Err("the data path does not answer".to_owned());
        };
        let relay = &published.snapshot.relay;
        match (&relay.redis_trouble, relay.redis) {
            (Some(trouble), _) => Err(format!("trouble with Redis: {trouble}")),
            (None, RedisState::Away { .. }) => Err("Redis does not answer".to_owned()),
            (None, RedisState::Up) => Ok(()),
        }
    }

    fn report(&self) {
        if let Some(published) = self.latest() {
            report(&published.snapshot);
        }
    }
}

impl Figures {
    fn latest(&self) -> Option<Arc<Published>> {
        let published = self.0.borrow().clone()?;
        let age_ms = unix_ms().saturating_sub(published.snapshot.at_ms);
        (u128::from(age_ms) < STALE.as_millis()).then_some(published)
    }
}

fn report(snapshot: &Snapshot) {
    relay(&snapshot.relay);
    snapshot.nodes.iter().for_each(node);
    for flow in &snapshot.flows {
        let labels = [("from", label(&flow.from)), ("to", label(&flow.to))];
        counter!("trunkline_relay_flow_messages_total", &labels).absolute(flow.messages);
        counter!("trunkline_relay_flow_bytes_total", &labels).absolute(flow.bytes);
    }
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
