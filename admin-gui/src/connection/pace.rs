use std::time::Instant;

use trunkline_protocol::{
    control::MemberState,
    status::{NodeStatus, Outcomes, RedisState, Snapshot, StatusLine},
};

use super::Update;
use crate::defaults::STILL_INTERVAL;

/// Which updates the window is woken for: drawing is what an idle window costs, so that snapshots of
/// a cluster in which nothing moves are drawn less often than they come.
#[derive(Debug, Default)]
pub(super) struct Pace {
    moving: Option<Moving>,
    woken_at: Option<Instant>,
}

impl Pace {
    /// Whether the window is to be woken for an update that comes now.
    pub(super) fn wakes(&mut self, update: &Update, now: Instant) -> bool {
        let still = match update {
            Update::Line(StatusLine::Snapshot(snapshot)) => {
                let moving = Moving::of(snapshot);
                self.moving.replace(moving) == self.moving
            }
            _ => false,
        };
        if still && self.woken_at.is_some_and(|woken_at| now < woken_at + STILL_INTERVAL) {
            return false;
        }
        self.woken_at = Some(now);
        true
    }
}

/// What differs between two snapshots if anything happens between them.
#[derive(Debug, PartialEq)]
struct Moving {
    redis: RedisState,
    redis_trouble: Option<String>,
    forwarded: u64,
    nodes: Vec<NodeMoving>,
}

#[derive(Debug, PartialEq)]
struct NodeMoving {
    state: MemberState,
    linked: bool,
    seats: u32,
    sessions: u32,
    rebuilding: bool,
    redis: bool,
    accepted: u64,
    pending: u32,
    outcomes: Outcomes,
}

impl Moving {
    fn of(snapshot: &Snapshot) -> Self {
        let node = |node: &NodeStatus| NodeMoving {
            state: node.state,
            linked: node.link.is_some(),
            seats: node.load.slots,
            sessions: node.load.sessions,
            rebuilding: node.load.rebuilding,
            redis: node.load.redis,
            accepted: node.load.accepted,
            pending: node.load.pending,
            outcomes: node.load.outcomes,
        };
        Self {
            redis: snapshot.relay.redis,
            redis_trouble: snapshot.relay.redis_trouble.clone(),
            forwarded: snapshot.relay.forwarded,
            nodes: snapshot.nodes.iter().map(node).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use trunkline_protocol::status::RelayStatus;

    use super::*;
    use crate::defaults::INTERVAL;

    fn snapshot(forwarded: u64, cpu_ms: u64) -> Update {
        let relay = RelayStatus {
            name: "relay-1".parse().unwrap(),
            software: String::new(),
            started_at_ms: 0,
            redis: RedisState::Up,
            redis_trouble: None,
            forwarded,
            forwarded_bytes: 0,
            refused_full: 0,
            refused_gone: 0,
            dropped: 0,
            cpu_ms,
            memory_bytes: 0,
        };
        let snapshot = Snapshot { at_ms: cpu_ms, relay, nodes: Vec::new(), flows: Vec::new() };
        Update::Line(StatusLine::Snapshot(Box::new(snapshot)))
    }

    #[test]
    fn a_still_cluster_is_drawn_every_other_time() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut wakes = |forwarded, at: u32, late_ms| {
            let now = start + at * INTERVAL + Duration::from_millis(late_ms);
            pace.wakes(&snapshot(forwarded, at.into()), now)
        };
        assert!(wakes(1, 0, 0), "the first");
        assert!(!wakes(1, 1, 0));
        assert!(wakes(1, 2, 0));
        assert!(!wakes(1, 3, 9));
        assert!(wakes(2, 4, 0), "something moves");
        assert!(wakes(3, 5, 0), "something moves");
        assert!(!wakes(3, 6, 0));
        assert!(wakes(3, 7, 0));
        assert!(pace.wakes(&Update::Dialling, start + 7 * INTERVAL), "that is no snapshot");
    }
}
