use serde::{Deserialize, Serialize};

use crate::Outcome;

/// What a node tells its relay of itself, a few times a second. Missing fields read as zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeLoad {
    /// Sessions that have logged in.
    pub sessions: u32,
    /// Seats taken, sessions that have not logged in yet included.
    #[serde(rename = "seats")]
    pub slots: u32,
    /// Users with a session here.
    pub users: u32,
    /// It is bringing the directory back to what it holds.
    pub rebuilding: bool,
    /// It has reached Redis lately.
    pub redis: bool,
    /// What is wrong with Redis, in its words, and what helps. It may answer and refuse some things.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_trouble: Option<String>,
    /// Sends accepted, ever.
    pub accepted: u64,
    /// Branches taken by a session of this node, of sends that were accepted here.
    pub delivered_locally: u64,
    /// Branches taken by a session of this node, of sends that were accepted elsewhere.
    pub delivered_from_links: u64,
    /// Sends that ended, by outcome.
    pub outcomes: Outcomes,
    /// Outcomes that could not be told, because their session had ended.
    #[serde(rename = "untold")]
    pub unreported: u64,
    /// Sends that have no outcome yet.
    pub pending: u32,
    /// The bytes of these.
    pub pending_bytes: u64,
    /// The bytes that wait in the lanes' buffers.
    pub lane_bytes: u64,
    /// The bytes that wait in the sessions' buffers.
    pub session_bytes: u64,
    /// Receipts for other nodes that found no link, or no room on it.
    pub receipts_dropped: u64,
    /// Branches refused because a queue was full.
    pub refused_full: u64,
    /// Sessions that were ended because they read too slowly.
    pub ended_slow: u64,
    /// Sessions that were ended because the code that reads what they send panicked.
    pub session_panics: u64,
    /// Upgrades refused because every seat was taken.
    #[serde(rename = "refused_seats")]
    pub refused_slots: u64,
    /// Look-ups that went to the directory.
    pub look_ups: u64,
    /// Directory entries found without a session, and removed.
    #[serde(rename = "ghosts")]
    pub stale_entries: u64,
    /// CPU time of the process, user and system, in milliseconds.
    pub cpu_ms: u64,
    /// Resident memory of the process, in bytes.
    pub memory_bytes: u64,
    /// The time from accept to receipt, of the sends that ended since the last report.
    pub latency: LatencyHistogram,
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
    /// Counts one more.
    pub fn count(&mut self, outcome: Outcome) {
        *self.of_mut(outcome) += 1;
    }

    /// How many there were of one kind.
    pub fn of(&self, outcome: Outcome) -> u64 {
        *self.clone().of_mut(outcome)
    }

    /// How many there were of every kind.
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

/// A histogram of times: pairs of a bucket's upper bound in microseconds and how many fell into
/// it, ascending. It can be merged exactly, which averages of percentiles cannot.
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

    /// How many times were recorded.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|&(_, count)| count).sum()
    }

    /// The bound in microseconds that `share` (0 to 1) of the times kept; `None` if there are none.
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
    fn outcomes_are_counted_by_kind() {
        let mut outcomes = Outcomes::default();
        for outcome in Outcome::ALL {
            outcomes.count(outcome);
            assert_eq!(outcomes.of(outcome), 1);
        }
        assert_eq!(outcomes.total(), 5);
    }

    #[test]
    fn merged_histograms_give_the_quantiles_of_all() {
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
