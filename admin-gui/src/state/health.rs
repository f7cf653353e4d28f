use std::cmp::Reverse;

use trunkline_protocol::{
    control::MemberState,
    status::{NodeStatus, RedisState},
};

use super::{
    cluster_status::ClusterStatus,
    counters::{Counter, Rates},
};
use crate::{
    defaults::{LOSSY_SHARE, NEARLY_FULL_SHARE},
    format::{millis, percent, plural, rate, since},
};

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Good,
    /// Worth knowing; no user is affected.
    Note,
    /// Users may be affected soon.
    Warning,
    /// Users are affected.
    Bad,
}

/// Something that the operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is, in a sentence.
    pub text: String,
}

impl Finding {
    fn new(severity: Severity, text: impl Into<String>) -> Self {
        Self { severity, text: text.into() }
    }
}

/// The health of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterHealth {
    /// What is not as it should be, the worst first.
    pub findings: Vec<Finding>,
}

impl ClusterHealth {
    /// The health that a status shows.
    pub fn of(status: &ClusterStatus) -> Self {
        let mut findings: Vec<_> = check_redis(status).into_iter().collect();
        findings.extend(status.nodes().filter_map(|(node, rates)| check_node(node, rates)));
        findings.extend(check_outcomes(&status.total));
        findings.extend(check_capacity(status));
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
            Severity::Bad => "Unhealthy",
        }
    }
}

fn check_redis(status: &ClusterStatus) -> Option<Finding> {
    let relay = &status.snapshot.relay;
    let text = match (relay.redis, &relay.redis_trouble) {
        (RedisState::Up, None) => return None,
        (RedisState::Up, Some(error)) => format!("the relay has trouble with Redis: {error}"),
        (RedisState::Away { since_ms }, error) => {
            let time = since(since_ms, status.snapshot.at_ms);
            let cause = error.as_ref().map_or(String::new(), |error| format!(" ({error})"));
            format!(
                "Redis has not answered the relay for {time}{cause}: sessions continue, logins wait, \
                 dead nodes are removed later"
            )
        }
    };
    Some(Finding::new(Severity::Bad, text))
}

/// The worst that is to say about a node.
pub(crate) fn check_node(node: &NodeStatus, rates: &Rates) -> Option<Finding> {
    let name = &node.name;
    match node.state {
        MemberState::Dead => Some(check_dead(node)),
        MemberState::Live => check_live(node, rates),
        MemberState::Left => None,
        MemberState::Suspect => {
            let text = format!("{name} is suspect: silent for {}", millis(node.silent_ms));
            Some(Finding::new(Severity::Warning, text))
        }
        MemberState::Joining => {
            let text = format!("{name} is in the directory and has no link yet");
            Some(Finding::new(Severity::Note, text))
        }
        MemberState::Draining => {
            let sessions = plural(node.load.sessions.into(), "session");
            Some(Finding::new(Severity::Note, format!("{name} is draining: {sessions} left")))
        }
    }
}

fn check_dead(node: &NodeStatus) -> Finding {
    let (severity, progress) = match node.purge.as_ref().map(|purge| (purge.removed, purge.done_ms))
    {
        None => (Severity::Bad, "its directory entries are not removed yet".into()),
        Some((_, None)) => (Severity::Bad, "its directory entries are being removed".into()),
        Some((removed, Some(done_ms))) => {
            let entries = plural(removed, "directory entry");
            let after = millis(done_ms);
            (Severity::Warning, format!("{entries} removed {after} after its last response"))
        }
    };
    Finding::new(severity, format!("{} is dead; {progress}", node.name))
}

fn check_live(node: &NodeStatus, rates: &Rates) -> Option<Finding> {
    let name = &node.name;
    let text = if let Some(error) = &node.load.redis_trouble {
        format!("{name} has trouble with Redis: {error}")
    } else if !node.load.redis {
        format!("{name} does not reach Redis")
    } else if node.load.rebuilding {
        format!("{name} is rebuilding its part of the directory")
    } else if rates.loss() >= LOSSY_SHARE {
        format!("the link of {name} loses {} of its packets", percent(rates.loss()))
    } else {
        return None;
    };
    Some(Finding::new(Severity::Warning, text))
}

fn check_outcomes(total: &Rates) -> impl Iterator<Item = Finding> {
    let causes = [
        (Counter::Busy, "busy: a bounded queue is full"),
        (Counter::Unreachable, "unreachable: a node cannot be reached"),
        (Counter::Unconfirmed, "unconfirmed: sent to a node that has not answered"),
    ];
    causes.into_iter().filter(|(counter, _)| total[*counter] > 0.0).map(|(counter, cause)| {
        let text = format!("{} sends/s end {cause}", rate(total[counter]));
        Finding::new(Severity::Warning, text)
    })
}

fn check_capacity(status: &ClusterStatus) -> Option<Finding> {
    let (sessions, capacity) = status.sessions_and_capacity();
    if status.present().count() == 0 {
        return Some(Finding::new(Severity::Bad, "no node is present: nobody can log in"));
    }
    let is_nearly_full = sessions as f64 >= capacity as f64 * NEARLY_FULL_SHARE;
    is_nearly_full.then(|| {
        let free = plural(capacity.saturating_sub(sessions), "slot");
        Finding::new(Severity::Warning, format!("the cluster is nearly full: {free} left"))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use trunkline_protocol::status::LatencyHistogram;

    use super::*;
    use crate::generated::Cluster;

    fn health(cluster: &Cluster) -> ClusterHealth {
        let (now, latency) = (cluster.now(), LatencyHistogram::default());
        ClusterHealth::of(&ClusterStatus::between(&now, Arc::new(now.clone()), latency))
    }

    fn texts(cluster: &Cluster) -> Vec<String> {
        health(cluster).findings.into_iter().map(|finding| finding.text).collect()
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
        assert_eq!(health(&cluster).label(), "Unhealthy");
        assert_eq!(
            texts(&cluster),
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
        cluster.node_mut(0).load.sessions = 490;
        assert!(texts(&cluster).is_empty(), "667 of 1,000");
        cluster.kill(1);
        assert!(texts(&cluster).contains(&"the cluster is nearly full: 10 slots left".into()));
        cluster.kill(0);
        assert!(texts(&cluster).contains(&"no node is present: nobody can log in".into()));
    }
}
