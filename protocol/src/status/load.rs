use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;

/// A node's load report, sent to its relay several times a second. Missing fields read as zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeLoad {
    /// Sessions that have logged in.
    pub sessions: u32,
    /// Connection slots in use, including sessions that have not logged in yet.
    #[serde(rename = "seats")]
    pub slots: u32,
    /// Users with a session here.
    pub users: u32,
    /// The node is registering its users again.
    pub rebuilding: bool,
    /// Redis answered the node's last call.
    pub redis: bool,
    /// The problem with Redis, in its own words, and the remedy. Redis may answer and still refuse
    /// some commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_trouble: Option<String>,
    /// Sends accepted.
    pub accepted: u64,
    /// Branches that a session of this node took, of sends that this node accepted.
    pub delivered_locally: u64,
    /// Branches that a session of this node took, of sends that other nodes accepted.
    pub delivered_from_links: u64,
    /// Sends that ended, by outcome.
    pub outcomes: Outcomes,
    /// Outcomes that were not reported because the sender's session had ended.
    #[serde(rename = "untold")]
    pub unreported: u64,
    /// Sends that have no outcome yet.
    pub pending: u32,
    /// The bytes of the pending sends.
    pub pending_bytes: u64,
    /// Bytes queued in the lanes' buffers.
    pub lane_bytes: u64,
    /// Bytes queued in the sessions' buffers.
    pub session_bytes: u64,
    /// Receipts for other nodes that were dropped: no link, or no room on it.
    pub receipts_dropped: u64,
    /// Branches refused because a queue was full.
    pub refused_full: u64,
    /// Sessions that were ended because they read too slowly.
    pub ended_slow: u64,
    /// Sessions that were ended because their task panicked.
    pub session_panics: u64,
    /// Upgrades refused because no connection slot was free.
    #[serde(rename = "refused_seats")]
    pub refused_slots: u64,
    /// Directory look-ups.
    pub look_ups: u64,
    /// Stale directory entries (without a session) that were removed.
    #[serde(rename = "ghosts")]
    pub stale_entries: u64,
    /// CPU time of the process, user and system, in milliseconds.
    pub cpu_ms: u64,
    /// Resident memory of the process, in bytes.
    pub memory_bytes: u64,
    /// The time from accept to receipt, of the sends that were delivered since the last report.
    pub latency: LatencyHistogram,
    /// The time from accept to outcome, of the sends that ended otherwise since the last report.
    pub failure_latency: LatencyHistogram,
}

/// A count for each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcomes {
    /// [`Outcome::Delivered`].
    pub delivered: u64,
    /// [`Outcome::Offline`].
    pub offline: u64,
    /// [`Outcome::Busy`].
    pub busy: u64,
    /// [`Outcome::Unreachable`].
    pub unreachable: u64,
    /// [`Outcome::Unconfirmed`].
    pub unconfirmed: u64,
}

impl Outcomes {
    /// Adds one.
    pub fn count(&mut self, outcome: Outcome) {
        *self.of_mut(outcome) += 1;
    }

    /// The count of one outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        *self.clone().of_mut(outcome)
    }

    /// The sum over all outcomes.
    pub fn total(&self) -> u64 {
        Outcome::ALL.into_iter().map(|outcome| self.of(outcome)).sum()
    }

    fn of_mut(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Delivered => &mut self.delivered,
            Outcome::Offline => &mut self.offline,
            Outcome::Busy => &mut self.busy,
            Outcome::Unreachable => &mut self.unreachable,
            Outcome::Unconfirmed => &mut self.unconfirmed,
        }
    }
}

/// A histogram of times: pairs of a bucket's upper bound in microseconds and its count, ascending.
/// Histograms can be merged exactly; averages of percentiles cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LatencyHistogram(pub Vec<(u64, u64)>);

impl LatencyHistogram {
    /// Adds another histogram's counts.
    pub fn merge(&mut self, other: &Self) {
        for &(bound, count) in &other.0 {
            match self.0.binary_search_by_key(&bound, |&(bound, _)| bound) {
                Ok(at) => self.0[at].1 += count,
                Err(at) => self.0.insert(at, (bound, count)),
            }
        }
    }

    /// How many times it has recorded.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|&(_, count)| count).sum()
    }

    /// The quantile for `share` (0 to 1), in microseconds; `None` if the histogram is empty.
    pub fn quantile_us(&self, share: f64) -> Option<u64> {
        let rank = (share * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.0.iter().find_map(|&(bound, count)| {
            seen += count;
            (seen >= rank).then_some(bound)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_separately() {
        let mut outcomes = Outcomes::default();
        for outcome in Outcome::ALL {
            outcomes.count(outcome);
            assert_eq!(outcomes.of(outcome), 1);
        }
        assert_eq!(outcomes.total(), 5);
    }

    #[test]
    fn merged_histogram_has_the_quantiles_of_all_times() {
        let mut all = LatencyHistogram(vec![(100, 98)]);
        all.merge(&LatencyHistogram(vec![(50, 1), (100, 0), (9_000, 1)]));
        assert_eq!(all.0, [(50, 1), (100, 98), (9_000, 1)]);
        assert_eq!(all.count(), 100);
        assert_eq!(all.quantile_us(0.0), Some(50));
        assert_eq!(all.quantile_us(0.5), Some(100));
        assert_eq!(all.quantile_us(0.99), Some(100));
        assert_eq!(all.quantile_us(1.0), Some(9_000));
        assert_eq!(LatencyHistogram::default().quantile_us(0.5), None);
    }
}
