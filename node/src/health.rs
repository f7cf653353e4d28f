//! How the node is, for its operations endpoint.

use std::sync::Arc;

use metrics::{counter, gauge};
use tokio::sync::watch;
use trunkline_ops::Monitored;
use trunkline_protocol::{Outcome, status::NodeLoad};

/// What the data path last told of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// Figures.
    pub(crate) load: NodeLoad,
    /// There is a link to the relay.
    pub(crate) linked: bool,
    /// The directory holds this node's lease for it.
    pub(crate) registered: bool,
    /// It is leaving.
    pub(crate) draining: bool,
}

/// The reading end.
#[derive(Debug)]
pub(crate) struct Doctor(pub(crate) watch::Receiver<Arc<Health>>);

impl Monitored for Doctor {
    fn ready(&self) -> Result<(), String> {
        let health = self.0.borrow();
        let trouble = health.load.redis_trouble.as_ref();
        let waiting: Vec<_> = [
            (health.draining, "leaving"),
            (!health.linked, "no link to the relay"),
            (!health.registered, "not registered in Redis"),
        ]
        .into_iter()
        .filter(|(waits, _)| *waits)
        .map(|(_, reason)| reason.to_owned())
        .chain(trouble.map(|trouble| format!("trouble with Redis: {trouble}")))
        .collect();
        if waiting.is_empty() { Ok(()) } else { Err(waiting.join(", ")) }
    }

    fn report(&self) {
        let health = self.0.borrow().clone();
        let load = &health.load;
        for (name, value) in [
            ("trunkline_sessions", f64::from(load.sessions)),
            ("trunkline_seats_taken", f64::from(load.slots)),
            ("trunkline_users", f64::from(load.users)),
            ("trunkline_pending_sends", f64::from(load.pending)),
            ("trunkline_pending_bytes", load.pending_bytes as f64),
            ("trunkline_lane_queue_bytes", load.lane_bytes as f64),
            ("trunkline_session_queue_bytes", load.session_bytes as f64),
            ("trunkline_linked", f64::from(health.linked)),
            ("trunkline_registered", f64::from(health.registered)),
            ("trunkline_memory_bytes", load.memory_bytes as f64),
        ] {
            gauge!(name).set(value);
        }
        for (name, value) in [
            ("trunkline_accepted_total", load.accepted),
            ("trunkline_delivered_locally_total", load.delivered_locally),
            ("trunkline_delivered_from_links_total", load.delivered_from_links),
            ("trunkline_untold_total", load.unreported),
            ("trunkline_receipts_dropped_total", load.receipts_dropped),
            ("trunkline_refused_full_total", load.refused_full),
            ("trunkline_refused_slots_total", load.refused_slots),
            ("trunkline_ended_slow_total", load.ended_slow),
            ("trunkline_session_panics_total", load.session_panics),
            ("trunkline_look_ups_total", load.look_ups),
            ("trunkline_ghosts_removed_total", load.stale_entries),
            ("trunkline_cpu_milliseconds_total", load.cpu_ms),
        ] {
            counter!(name).absolute(value);
        }
        for outcome in Outcome::ALL {
            counter!("trunkline_outcomes_total", "outcome" => outcome.as_str())
                .absolute(load.outcomes.of(outcome));
        }
    }
}
