use std::cmp::Reverse;

use trunkline_protocol::{
    Outcome,
    status::{NodeStatus, RedisState},
};

use super::{
    cluster_status::ClusterStatus,
    finding::{Finding, FindingPlace, Severity},
    incident_text::recovered,
    node_health::check_node,
};
use crate::{
    defaults::{FAILING_SHARE, FAILING_WINDOW_MS, NEARLY_FULL_SHARE},
    format::{count, percent, plural, since},
};

/// The health of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterHealth {
    /// What is not as it should be, the worst first.
    pub findings: Vec<Finding>,
}

impl ClusterHealth {
    /// The health that a status shows.
    pub fn of(status: &ClusterStatus) -> Self {
        // The order in which findings of one severity are named.
        let mut findings: Vec<_> = check_outcomes(status).into_iter().collect();
        findings.extend(check_capacity(status));
        findings.extend(check_redis(status));
        findings.extend(status.nodes().filter_map(|(node, rates)| check_node(node, rates)));
        findings.extend(check_spare(status));
        let at_ms = status.snapshot.at_ms;
        findings.extend(status.incident.as_ref().and_then(|past| recovered(past, at_ms)));
        findings.sort_by_key(|finding| Reverse(finding.severity));
        Self { findings }
    }

    /// The severity of the worst finding.
    pub fn severity(&self) -> Severity {
        self.findings.first().map_or(Severity::Good, |finding| finding.severity)
    }

    /// The headline.
    pub fn label(&self) -> &'static str {
        match self.severity() {
            Severity::Good | Severity::Note => "Healthy",
            Severity::Warning => "Degraded",
            Severity::Bad => "Critical",
        }
    }
}

fn check_outcomes(status: &ClusterStatus) -> Option<Finding> {
    let sends = status.sends.recent.all();
    let share = sends.failed_share();
    let severity = match share {
        0.0 => return None,
        small if small <= FAILING_SHARE => Severity::Warning,
        _ => Severity::Bad,
    };
    let causes = sends.losses().into_iter().filter(|&(outcome, _)| outcome != Outcome::Offline);
    let causes = causes.map(|(outcome, number)| format!("{} {}", count(number), outcome.as_str()));
    let text = format!(
        "{} of sends fail: {} in the last {} s",
        percent(share),
        causes.collect::<Vec<_>>().join(", "),
        FAILING_WINDOW_MS / 1_000
    );
    Some(Finding::new(severity, text, FindingPlace::Outcomes))
}

fn check_capacity(status: &ClusterStatus) -> Option<Finding> {
    if status.present().count() == 0 {
        let text = "no node is present: nobody can log in";
        return Some(Finding::new(Severity::Bad, text, FindingPlace::Nodes));
    }
    let (slots, capacity) = slots_and_capacity(status.accepting());
    if capacity == 0 {
        return None;
    }
    if slots >= capacity {
        let refused = count(status.sends.quarter.all().refused_slots);
        let text = format!(
            "the cluster is full: {} of {} slots in use, {refused} logins refused in the last 15 min",
            count(slots),
            count(capacity)
        );
        return Some(Finding::new(Severity::Bad, text, FindingPlace::Nodes));
    }
    let is_nearly_full = slots as f64 >= capacity as f64 * NEARLY_FULL_SHARE;
    is_nearly_full.then(|| {
        let text = format!("the cluster is nearly full: {} left", plural(capacity - slots, "slot"));
        Finding::new(Severity::Warning, text, FindingPlace::Nodes)
    })
}

/// Checks that the sessions of any one node would find slots on the others.
fn check_spare(status: &ClusterStatus) -> Option<Finding> {
    let (slots, capacity) = slots_and_capacity(status.accepting());
    // One node alone has no spare by design, and a full cluster is a finding of its own.
    if status.accepting().count() < 2 || slots >= capacity {
        return None;
    }
    let missing = |node: &NodeStatus| {
        let free = (capacity - slots).saturating_sub(free_slots(node));
        u64::from(node.load.sessions).saturating_sub(free)
    };
    let (worst, missing) = status
        .accepting()
        .map(|node| (node, missing(node)))
        .max_by_key(|&(_, missing)| missing)
        .filter(|&(_, missing)| missing > 0)?;
    let text = format!(
        "one more node lost would not fit: without {}, {} would find no slot",
        worst.name,
        plural(missing, "session")
    );
    Some(Finding::new(Severity::Warning, text, FindingPlace::Node(worst.name.clone())))
}

fn slots_and_capacity<'a>(nodes: impl Iterator<Item = &'a NodeStatus>) -> (u64, u64) {
    nodes.fold((0, 0), |(slots, capacity), node| {
        let in_use = u64::from(node.capacity) - free_slots(node);
        (slots + in_use, capacity + u64::from(node.capacity))
    })
}

fn free_slots(node: &NodeStatus) -> u64 {
    node.capacity.saturating_sub(node.load.slots).into()
}

fn check_redis(status: &ClusterStatus) -> Option<Finding> {
    let relay = &status.snapshot.relay;
    let (text, place) = match (relay.redis, &relay.redis_trouble) {
        (RedisState::Up, None) => return None,
        (RedisState::Up, Some(error)) => {
            (format!("the relay has trouble with Redis: {error}"), FindingPlace::Events)
        }
        (RedisState::Away { since_ms }, error) => {
            let time = since(since_ms, status.snapshot.at_ms);
            let cause = error.as_ref().map_or(String::new(), |error| format!(" ({error})"));
            let text = format!(
                "Redis has not answered the relay for {time}{cause}: logins wait, users whose node is \
                 not known by now cannot be reached, dead nodes are removed later"
            );
            (text, FindingPlace::EventsAt(since_ms))
        }
    };
    Some(Finding::new(Severity::Bad, text, place))
}

#[cfg(test)]
mod tests {
    use trunkline_protocol::control::MemberState;

    use super::*;
    use crate::{generated::Cluster, state::SnapshotHistory};

    fn health(cluster: &Cluster) -> ClusterHealth {
        let mut history = SnapshotHistory::default();
        history.push(cluster.now());
        ClusterHealth::of(&history.status_at(0))
    }

    /// The health after these sends have ended on the first node.
    fn health_after(cluster: &mut Cluster, delivered: u64, unreachable: u64) -> ClusterHealth {
        let mut history = SnapshotHistory::default();
        history.push(cluster.now());
        let mut next = cluster.now();
        next.at_ms += 1_000;
        let outcomes = &mut next.nodes[0].load.outcomes;
        outcomes.delivered += delivered;
        outcomes.unreachable += unreachable;
        history.push(next);
        ClusterHealth::of(&history.status_at(1))
    }

    fn texts(health: &ClusterHealth) -> Vec<&str> {
        health.findings.iter().map(|finding| &*finding.text).collect()
    }

    #[test]
    fn worst_finding_is_the_headline() {
        let mut cluster = Cluster::of(3);
        assert_eq!(health(&cluster).label(), "Healthy");
        cluster.node_mut(0).state = MemberState::Draining;
        assert_eq!(health(&cluster).label(), "Healthy");
        cluster.node_mut(1).load.redis = false;
        assert_eq!(health(&cluster).label(), "Degraded");
        cluster.kill(2);
        cluster.node_mut(2).purge = None;
        assert_eq!(health(&cluster).label(), "Critical");
        assert_eq!(
            texts(&health(&cluster)),
            [
                "node-3 is dead; its directory entries are not removed yet",
                "node-2 does not reach Redis",
                "node-1 is draining: 124 sessions left"
            ]
        );
    }

    #[test]
    fn dead_nodes_count_neither_sessions_nor_capacity() {
        let mut cluster = Cluster::of(2);
        cluster.node_mut(0).load.slots = 320;
        assert!(health(&cluster).findings.is_empty(), "497 of 1,000");
        cluster.node_mut(0).load.slots = 490;
        cluster.kill(1);
        let found = health(&cluster);
        assert!(texts(&found).contains(&"the cluster is nearly full: 10 slots left"));
        cluster.kill(0);
        assert!(texts(&health(&cluster)).contains(&"no node is present: nobody can log in"));
    }

    #[test]
    fn failing_sends_are_named_before_all_else() {
        let mut cluster = Cluster::of(3);
        cluster.kill(2);
        cluster.node_mut(2).purge = None;
        cluster.relay_mut().redis = RedisState::Away { since_ms: cluster.now_ms() };
        let found = health_after(&mut cluster, 60, 40);
        assert_eq!(found.label(), "Critical");
        assert_eq!(texts(&found)[0], "40 % of sends fail: 40 unreachable in the last 10 s");
        assert!(texts(&found)[1].starts_with("Redis has not answered"));
        assert!(texts(&found)[2].starts_with("node-3 is dead"));
    }

    #[test]
    fn few_failing_sends_are_a_warning_and_offline_recipients_none() {
        let mut cluster = Cluster::of(1);
        assert_eq!(health_after(&mut cluster, 990, 10).label(), "Degraded");
        cluster.node_mut(0).load.outcomes.offline = 500;
        assert_eq!(health_after(&mut cluster, 990, 0).label(), "Healthy");
    }

    #[test]
    fn full_cluster_is_critical_and_named_before_a_dead_node() {
        let mut cluster = Cluster::of(3);
        cluster.kill(2);
        let mut history = SnapshotHistory::default();
        history.push(cluster.now());
        for at in 0..2 {
            cluster.node_mut(at).load.slots = 500;
            cluster.node_mut(at).load.refused_slots = 50;
        }
        history.push(cluster.step(500));
        let found = ClusterHealth::of(&history.status_at(1));
        assert_eq!(found.label(), "Critical");
        let full = "the cluster is full: 1,000 of 1,000 slots in use, \
                    100 logins refused in the last 15 min";
        assert_eq!(texts(&found)[0], full);
    }

    #[test]
    fn cluster_without_room_for_a_lost_node_is_warned_of() {
        let mut cluster = Cluster::of(3);
        for at in 0..3 {
            (cluster.node_mut(at).load.sessions, cluster.node_mut(at).load.slots) = (340, 340);
        }
        let found = health(&cluster);
        assert_eq!(found.label(), "Degraded");
        let text =
            "one more node lost would not fit: without node-3, 20 sessions would find no slot";
        assert_eq!(texts(&found), [text]);
    }
}
