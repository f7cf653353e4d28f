use std::time::Instant;

use trunkline_protocol::{
    control::MemberState,
    status::{NodeStatus, Outcomes, RedisState, Snapshot, StatusLine},
};

use super::channel::Update;
use crate::defaults::STILL_INTERVAL;

/// Decides which updates wake the window. Drawing is what an idle window costs, so snapshots of an
/// idle cluster are drawn less often than they arrive.
#[derive(Debug, Default)]
pub(super) struct WakeFilter {
    last: Option<Activity>,
    woken_at: Option<Instant>,
}

impl WakeFilter {
    /// Whether an update that arrives at `now` wakes the window.
    pub(super) fn wakes(&mut self, update: &Update, now: Instant) -> bool {
        let is_still = match update {
            Update::Line(StatusLine::Snapshot(snapshot)) => {
                let activity = Activity::of(snapshot);
                self.last.replace(activity) == self.last
            }
            _ => false,
        };
        if is_still && self.woken_at.is_some_and(|woken_at| now < woken_at + STILL_INTERVAL) {
            return false;
        }
        self.woken_at = Some(now);
        true
    }
}

/// The part of a snapshot that changes only if something happens. CPU time, memory and round-trip
/// times change in an idle cluster too.
#[derive(Debug, PartialEq)]
struct Activity {
    redis: RedisState,
    redis_trouble: Option<String>,
    forwarded: u64,
    nodes: Vec<NodeActivity>,
}

#[derive(Debug, PartialEq)]
struct NodeActivity {
    state: MemberState,
    is_linked: bool,
    slots: u32,
    sessions: u32,
    rebuilding: bool,
    redis: bool,
    accepted: u64,
    pending: u32,
    outcomes: Outcomes,
}

impl Activity {
    fn of(snapshot: &Snapshot) -> Self {
        let node = |node: &NodeStatus| NodeActivity {
            state: node.state,
            is_linked: node.link.is_some(),
            slots: node.load.slots,
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

    use super::*;
    use crate::{
        defaults::INTERVAL,
        generated::{Cluster, line},
    };

    #[test]
    fn idle_cluster_wakes_the_window_with_every_other_snapshot() {
        let (mut filter, start) = (WakeFilter::default(), Instant::now());
        let mut cluster = Cluster::of(0);
        let mut wakes = |forwarded, at: u32, late_ms| {
            cluster.relay_mut().forwarded = forwarded;
            cluster.relay_mut().cpu_ms = at.into();
            let now = start + at * INTERVAL + Duration::from_millis(late_ms);
            filter.wakes(&Update::Line(line(cluster.now())), now)
        };
        assert!(wakes(1, 0, 0), "the first");
        assert!(!wakes(1, 1, 0));
        assert!(wakes(1, 2, 0));
        assert!(!wakes(1, 3, 9));
        assert!(wakes(2, 4, 0), "forwarded grew");
        assert!(wakes(3, 5, 0), "forwarded grew");
        assert!(!wakes(3, 6, 0));
        assert!(wakes(3, 7, 0));
        assert!(filter.wakes(&Update::Dialling, start + 7 * INTERVAL), "not a snapshot");
    }
}
