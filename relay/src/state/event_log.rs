//! Events, as the log has them.

use std::net::SocketAddr;

use tracing::{field::display, info, warn};
use trunkline_ops::LogThrottle;
use trunkline_protocol::{
    Name,
    status::{ClusterEvent, EventKind},
};

/// A link that comes and goes does not flood the log, nor does a peer that keeps dialling.
static THROTTLE: LogThrottle = LogThrottle::new();

pub(super) fn log(event: &ClusterEvent) {
    let node = event.node.as_ref().map_or("", Name::as_str);
    let incarnation = event.incarnation.map(display);
    match &event.kind {
        EventKind::Cleaned { removed, kept, done_ms } => {
            info!(node, incarnation, removed, kept, done_ms, "dead node purged");
        }
        EventKind::Dead { verdict_ms } => {
            warn!(node, incarnation, detection_ms = verdict_ms, "node declared dead");
        }
        EventKind::Suspect => {
            if let Some(line) = THROTTLE.admit(&suspect(node)) {
                let suppressed = line.suppressed;
                warn!(node, incarnation, suppressed, "node suspect: its link is silent or gone");
            }
        }
        EventKind::Recovered if logs_recovery(node) => {
            info!(node, incarnation, "node recovered");
        }
        EventKind::Joined => info!(node, incarnation, "node joined"),
        EventKind::Draining => info!(node, incarnation, "node draining"),
        EventKind::Left => info!(node, incarnation, "node left"),
        EventKind::RedisAway => {
            warn!("Redis does not answer: dead nodes are purged when it is back")
        }
        EventKind::RedisBack => info!("Redis answers"),
        // Logged where it happens, or by the node that it happens to.
        _ => {}
    }
}

/// Whether to log that a node's link is up again: not if its loss was not logged.
pub(crate) fn logs_recovery(node: &str) -> bool {
    THROTTLE.recovered(&suspect(node))
}

pub(super) fn log_rejection(who: &str, address: SocketAddr, reason: &str) {
    if let Some(line) = THROTTLE.admit(&format!("{who}: {reason}")) {
        let suppressed = line.suppressed;
        warn!(who, %address, suppressed, "connection rejected: {reason}");
    }
}

fn suspect(node: &str) -> String {
    format!("{node} is suspect")
}
