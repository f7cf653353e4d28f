//! The node's health and metrics: for its relay, and for its own operations endpoint.

use std::sync::Arc;

use metrics::{counter, gauge};
use tokio::{
    sync::{mpsc, watch},
    time::{self, MissedTickBehavior},
};
use trunkline_directory::LeaseState;
use trunkline_ops::{Monitored, Usage};
use trunkline_protocol::{Outcome, control::ToRelay, status::NodeLoad};

use crate::{data_plane::DataPlane, defaults::LOAD_EVERY};

/// The state of the node at its last load report.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeHealth {
    load: NodeLoad,
    /// When the process started, in Unix milliseconds.
    started_at_ms: u64,
    /// There is a link to the relay.
    linked: bool,
    /// The directory holds this node's lease for it.
    registered: bool,
    /// It is leaving.
    draining: bool,
    /// How many connections without a login gave way to new ones.
    gave_way: u64,
    /// How many sends exceeded their session's rate.
    rate_limited: u64,
    /// How many batches of other nodes were malformed.
    bad_batches: u64,
}

/// Reports the node's load and health, to the relay by `outbox` and to the operations endpoint.
pub(crate) async fn report_load(
    data_plane: DataPlane,
    outbox: mpsc::Sender<ToRelay>,
    health: watch::Sender<Arc<NodeHealth>>,
    started_at_ms: u64,
) {
    let mut due = time::interval(LOAD_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        let snapshot = data_plane.turn(|state, _| NodeHealth {
            load: state.load(),
            started_at_ms,
            linked: state.is_linked(),
            registered: false,
            draining: state.slots.are_closed(),
            gave_way: state.slots.gave_way(),
            rate_limited: state.rate_limited(),
            bad_batches: state.bad_batches(),
        });
        let Usage { cpu, memory_bytes } = Usage::now();
        let load = NodeLoad { cpu_ms: cpu.as_millis() as u64, memory_bytes, ..snapshot.load };
        let registered = data_plane.registrar().status().borrow().lease == LeaseState::Held;
        if snapshot.linked {
            // If the outbox is full, the next report says more than this one.
            let _ = outbox.try_send(ToRelay::Load(Box::new(load.clone())));
        }
        health.send_replace(Arc::new(NodeHealth { load, registered, ..snapshot }));
    }
}

/// The node, as the operations endpoint monitors it.
#[derive(Debug)]
pub(crate) struct MonitoredNode(pub(crate) watch::Receiver<Arc<NodeHealth>>);

impl Monitored for MonitoredNode {
    fn ready(&self) -> Result<(), String> {
        let health = self.0.borrow();
        let trouble = health.load.redis_trouble.as_ref();
        let reasons: Vec<_> = [
            (health.draining, "leaving"),
            (!health.linked, "no link to the relay"),
            (!health.registered, "not registered in Redis"),
        ]
        .into_iter()
        .filter(|(applies, _)| *applies)
        .map(|(_, reason)| reason.to_owned())
        .chain(trouble.map(|trouble| format!("trouble with Redis: {trouble}")))
        .collect();
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join(", ")) }
    }

    fn report(&self) {
        let health = self.0.borrow().clone();
        let load = &health.load;
        for (name, value) in [
            ("trunkline_sessions", f64::from(load.sessions)),
            ("trunkline_connection_slots_in_use", f64::from(load.slots)),
            ("trunkline_users", f64::from(load.users)),
            ("trunkline_pending_sends", f64::from(load.pending)),
            ("trunkline_pending_bytes", load.pending_bytes as f64),
            ("trunkline_lane_queue_bytes", load.lane_bytes as f64),
            ("trunkline_session_queue_bytes", load.session_bytes as f64),
            ("trunkline_linked", f64::from(health.linked)),
            ("trunkline_registered", f64::from(health.registered)),
            // A gauge, because the counters of the `metrics` crate are whole numbers.
            ("process_cpu_seconds_total", load.cpu_ms as f64 / 1_000.0),
            ("process_resident_memory_bytes", load.memory_bytes as f64),
            ("process_start_time_seconds", health.started_at_ms as f64 / 1_000.0),
        ] {
            gauge!(name).set(value);
        }
        for (name, value) in [
            ("trunkline_sends_accepted_total", load.accepted),
            ("trunkline_delivered_locally_total", load.delivered_locally),
            ("trunkline_delivered_from_links_total", load.delivered_from_links),
            ("trunkline_outcomes_unreported_total", load.unreported),
            ("trunkline_receipts_dropped_total", load.receipts_dropped),
            ("trunkline_refused_full_total", load.refused_full),
            ("trunkline_connections_refused_total", load.refused_slots),
            ("trunkline_connections_gave_way_total", health.gave_way),
            ("trunkline_sends_rate_limited_total", health.rate_limited),
            ("trunkline_bad_batches_total", health.bad_batches),
            ("trunkline_sessions_ended_slow_total", load.ended_slow),
            ("trunkline_session_panics_total", load.session_panics),
            ("trunkline_look_ups_total", load.look_ups),
            ("trunkline_stale_entries_removed_total", load.stale_entries),
        ] {
            counter!(name).absolute(value);
        }
        for outcome in Outcome::ALL {
            counter!("trunkline_outcomes_total", "outcome" => outcome.as_str())
                .absolute(load.outcomes.of(outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_is_ready_when_it_is_linked_registered_and_stays() {
        let ready = |health| MonitoredNode(watch::channel(Arc::new(health)).1).ready();
        let healthy = NodeHealth { linked: true, registered: true, ..NodeHealth::default() };
        assert_eq!(ready(healthy.clone()), Ok(()));
        assert_eq!(
            ready(NodeHealth::default()),
            Err("no link to the relay, not registered in Redis".to_owned())
        );
        assert_eq!(ready(NodeHealth { draining: true, ..healthy }), Err("leaving".to_owned()));
    }
}
