use std::time::Instant;

use trunkline_protocol::status::{NodeStatus, RelayStatus, Snapshot, StatusLine};

use super::channel::Update;
use crate::defaults::STILL_INTERVAL;

/// Decides which updates wake the window. Drawing is what an idle window costs, so snapshots of an
/// idle cluster are drawn less often than they arrive.
#[derive(Debug, Default)]
pub(super) struct WakeFilter {
    /// The last snapshot, without its flows: they grow only if the relay forwards.
    last: Option<(RelayStatus, Vec<NodeStatus>)>,
    woken_at: Option<Instant>,
}

impl WakeFilter {
    /// Whether an update that arrives at `now` wakes the window.
    pub(super) fn wakes(&mut self, update: &Update, now: Instant) -> bool {
        if let Update::Line(StatusLine::Snapshot(snapshot)) = update {
            let last = self.last.replace((snapshot.relay.clone(), snapshot.nodes.clone()));
            let is_still = last.is_some_and(|last| is_still(&last, snapshot));
            if is_still && self.woken_at.is_some_and(|woken_at| now < woken_at + STILL_INTERVAL) {
                return false;
            }
        }
        self.woken_at = Some(now);
        true
    }
}

/// Whether nothing happened since the last snapshot. CPU time, memory and round-trip times change in
/// an idle cluster too.
fn is_still((relay, nodes): &(RelayStatus, Vec<NodeStatus>), now: &Snapshot) -> bool {
    let is_still_node = |(before, now): (&NodeStatus, &NodeStatus)| {
        let (load, now_load) = (&before.load, &now.load);
        before.state == now.state
            && before.link.is_some() == now.link.is_some()
            && load.slots == now_load.slots
            && load.sessions == now_load.sessions
            && load.rebuilding == now_load.rebuilding
            && load.redis == now_load.redis
            && load.accepted == now_load.accepted
            && load.pending == now_load.pending
            && load.outcomes == now_load.outcomes
    };
    relay.redis == now.relay.redis
        && relay.redis_trouble == now.relay.redis_trouble
        && relay.forwarded == now.relay.forwarded
        && nodes.len() == now.nodes.len()
        && nodes.iter().zip(&now.nodes).all(is_still_node)
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
