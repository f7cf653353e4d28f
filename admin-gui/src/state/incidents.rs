use std::{collections::VecDeque, sync::Arc};

use trunkline_protocol::{
    control::MemberState,
    status::{NodeStatus, RedisState, Snapshot},
};

use super::{
    cluster_status::is_present,
    incident_status::{IncidentCause, IncidentStatus},
    send_counts::SendCounts,
    send_tally::SendTotals,
};
use crate::defaults::{
    FAILING_SHARE, INCIDENT_QUIET_MS, INCIDENTS_MAX, RECOVERED_SHOWN_MS, RELAY_STARTS_MS,
};

/// A time in which the cluster was not as it should be.
#[derive(Clone, Debug)]
pub struct Incident {
    /// What it began with.
    pub cause: IncidentCause,
    /// When it began, in Unix milliseconds.
    pub from_ms: u64,
    /// When something was last wrong.
    pub last_ms: u64,
    /// When it was over: nothing had been wrong for some time.
    over_ms: Option<u64>,
    before: Arc<SendTotals>,
    /// The latest totals of its time.
    after: Arc<SendTotals>,
}

/// The incidents, the oldest first.
#[derive(Debug, Default)]
pub struct IncidentLog(VecDeque<Incident>);

/// The totals that are known with a snapshot.
pub(super) struct KnownTotals {
    /// Up to the snapshot.
    pub(super) now: Arc<SendTotals>,
    /// Up to [`INCIDENT_LEAD_MS`](crate::defaults::INCIDENT_LEAD_MS) before it.
    pub(super) lead: Arc<SendTotals>,
    /// What was counted just before the snapshot.
    pub(super) recent: SendCounts,
}

impl IncidentLog {
    /// Continues, starts or ends an incident with a snapshot, the next after `before`.
    pub(super) fn update(
        &mut self,
        before: Option<&Snapshot>,
        snapshot: &Snapshot,
        totals: &KnownTotals,
    ) {
        let at_ms = snapshot.at_ms;
        // A restarted relay's clock may be behind.
        while self.0.back().is_some_and(|incident| incident.last_ms > at_ms) {
            self.0.pop_back();
        }
        let trouble = find_trouble(before, snapshot, &totals.recent);
        if let Some(open) = self.0.back_mut().filter(|incident| incident.over_ms.is_none()) {
            open.after = totals.now.clone();
            match trouble {
                Some(_) => open.last_ms = at_ms,
                None if open.last_ms + INCIDENT_QUIET_MS <= at_ms => open.over_ms = Some(at_ms),
                None => {}
            }
        } else if let Some(cause) = trouble {
            let known_ms = before.filter(|_| cause == IncidentCause::RelayRestarted);
            self.0.push_back(Incident {
                from_ms: known_ms.map_or(at_ms, |before| before.at_ms),
                cause,
                last_ms: at_ms,
                over_ms: None,
                before: totals.lead.clone(),
                after: totals.now.clone(),
            });
            if self.0.len() > INCIDENTS_MAX {
                self.0.pop_front();
            }
        }
    }

    /// The incident that lasts at a moment, or was over not long before. `totals` are those at the
    /// moment.
    pub(super) fn at(&self, at_ms: u64, totals: &SendTotals) -> Option<IncidentStatus> {
        let incident = self.0.iter().rev().find(|incident| incident.from_ms <= at_ms)?;
        let until_ms = incident.until_ms().filter(|_| incident.over_ms <= Some(at_ms));
        let is_shown = until_ms.is_none_or(|until_ms| at_ms < until_ms + RECOVERED_SHOWN_MS);
        is_shown.then(|| IncidentStatus {
            cause: incident.cause.clone(),
            from_ms: incident.from_ms,
            until_ms,
            sends: match until_ms {
                Some(_) => incident.sends(),
                None => totals.all().since(&incident.before.all()),
            },
        })
    }

    /// The incidents, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Incident> + ExactSizeIterator {
        self.0.iter()
    }
}

impl Incident {
    /// When something was last wrong, if it is over.
    pub fn until_ms(&self) -> Option<u64> {
        self.over_ms.map(|_| self.last_ms)
    }

    /// What was counted in its time.
    pub fn sends(&self) -> SendCounts {
        self.after.all().since(&self.before.all())
    }
}

/// What is wrong with the cluster, if sends may be affected by it.
fn find_trouble(
    before: Option<&Snapshot>,
    now: &Snapshot,
    recent: &SendCounts,
) -> Option<IncidentCause> {
    let is_restarted =
        before.is_some_and(|before| before.relay.started_at_ms != now.relay.started_at_ms);
    if is_restarted {
        return Some(IncidentCause::RelayRestarted);
    }
    // A relay that has just started has not asked Redis yet.
    let is_starting = now.at_ms < now.relay.started_at_ms + RELAY_STARTS_MS;
    if now.relay.redis != RedisState::Up && !is_starting {
        return Some(IncidentCause::RedisAway);
    }
    if let Some(node) = now.nodes.iter().find(|node| is_in_trouble(node)) {
        return Some(IncidentCause::Node(node.name.clone()));
    }
    if !now.nodes.is_empty() && !now.nodes.iter().any(|node| is_present(node.state)) {
        return Some(IncidentCause::NoNode);
    }
    (recent.failed_share() > FAILING_SHARE).then_some(IncidentCause::FailedSends)
}

fn is_in_trouble(node: &NodeStatus) -> bool {
    match node.state {
        MemberState::Suspect => true,
        MemberState::Dead => node.purge.as_ref().is_none_or(|purge| purge.done_ms.is_none()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{generated::Cluster, state::SnapshotHistory};

    fn advance(history: &mut SnapshotHistory, cluster: &mut Cluster, snapshots: usize) {
        (0..snapshots).for_each(|_| assert!(history.push(cluster.step(500))));
    }

    fn incident(history: &SnapshotHistory) -> Option<IncidentStatus> {
        history.status_at(history.len() - 1).incident
    }

    #[test]
    fn sends_that_failed_while_the_relay_was_away_are_counted_when_it_is_back() {
        let (mut history, mut cluster) = (SnapshotHistory::default(), Cluster::quiet(2));
        advance(&mut history, &mut cluster, 20);
        assert!(incident(&history).is_none());
        let lost_ms = cluster.now_ms();
        cluster.relay_mut().started_at_ms = lost_ms + 20_000;
        let mut empty = cluster.step(30_000);
        empty.nodes.clear();
        history.push(empty);
        for (at, unreachable) in [(0, 19_000), (1, 542)] {
            let outcomes = &mut cluster.node_mut(at).load.outcomes;
            outcomes.unreachable += unreachable;
            outcomes.unconfirmed += 700;
        }
        advance(&mut history, &mut cluster, 2);
        let lasting = incident(&history).expect("sends have just failed");
        assert_eq!((lasting.from_ms, lasting.until_ms), (lost_ms, None));
        assert_eq!(lasting.sends.not_delivered(), 19_542 + 1_400);
        // The failing sends leave the window of the share, and then nothing is wrong for a while.
        advance(&mut history, &mut cluster, 40);
        let over = incident(&history).expect("it stays shown");
        assert!(over.until_ms.is_some());
        assert_eq!(over.sends.not_delivered(), 19_542 + 1_400);
        assert_eq!(over.cause, IncidentCause::RelayRestarted);
        cluster.step(RECOVERED_SHOWN_MS);
        advance(&mut history, &mut cluster, 1);
        assert!(incident(&history).is_none(), "not for ever");
    }

    #[test]
    fn redis_that_a_starting_relay_has_not_asked_yet_is_no_incident() {
        let (mut history, mut cluster) = (SnapshotHistory::default(), Cluster::quiet(2));
        let since_ms = cluster.now_ms();
        cluster.relay_mut().started_at_ms = since_ms;
        cluster.relay_mut().redis = RedisState::Away { since_ms };
        advance(&mut history, &mut cluster, 3);
        assert!(incident(&history).is_none());
        advance(&mut history, &mut cluster, 10);
        let lasting = incident(&history).expect("Redis stays away");
        assert_eq!(lasting.cause, IncidentCause::RedisAway);
    }

    #[test]
    fn moment_in_an_incident_shows_it_as_it_was() {
        let (mut history, mut cluster) = (SnapshotHistory::default(), Cluster::quiet(2));
        advance(&mut history, &mut cluster, 10);
        for _ in 0..10 {
            cluster.node_mut(0).load.outcomes.busy += 5;
            advance(&mut history, &mut cluster, 1);
        }
        advance(&mut history, &mut cluster, 60);
        let early = history.status_at(12).incident.expect("it had begun");
        assert_eq!((early.until_ms, early.sends.failed()), (None, 15));
        assert_eq!(incident(&history).map(|over| over.sends.failed()), Some(50));
        assert_eq!(history.incidents().iter().len(), 1);
    }
}
