use std::time::Duration;

use hdrhistogram::Histogram;
use trunkline_protocol::{
    Outcome,
    status::{LatencyHistogram, Outcomes},
};

/// Longer latencies count as this one, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What becomes of the messages that are accepted here. The other rooms count what happens in them.
#[derive(Debug)]
pub(super) struct Metrics {
    /// Sends accepted.
    pub(super) accepted: u64,
    /// Sends that ended, by outcome.
    pub(super) outcomes: Outcomes,
    /// Outcomes that were not reported, because the sender was gone.
    pub(super) unreported: u64,
    /// Sessions that ended with a panic.
    pub(super) session_panics: u64,
    /// The times from accept to `delivered` since the last report.
    latencies: Histogram<u32>,
}

impl Default for Metrics {
    fn default() -> Self {
        let latencies = Histogram::new_with_max(LATENCY_US_MAX, 2).expect("the bounds are valid");
        let outcomes = Outcomes::default();
        Self { accepted: 0, outcomes, unreported: 0, session_panics: 0, latencies }
    }
}

impl Metrics {
    /// A send has come to its outcome, `took` after it was accepted.
    pub(super) fn ended(&mut self, outcome: Outcome, took: Duration) {
        self.outcomes.count(outcome);
        if outcome == Outcome::Delivered {
            self.latencies.saturating_record(took.as_micros() as u64);
        }
    }

    /// The latencies since the last call.
    pub(super) fn take_latencies(&mut self) -> LatencyHistogram {
        let buckets = self.latencies.iter_recorded();
        let pairs = buckets
            .map(|bucket| (bucket.value_iterated_to(), bucket.count_since_last_iteration()))
            .collect();
        self.latencies.reset();
        LatencyHistogram(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_that_of_delivered_sends_since_the_last_report() {
        let mut metrics = Metrics::default();
        metrics.ended(Outcome::Delivered, Duration::from_micros(100));
        metrics.ended(Outcome::Delivered, Duration::from_secs(600));
        metrics.ended(Outcome::Offline, Duration::from_micros(7));
        assert_eq!((metrics.outcomes.delivered, metrics.outcomes.offline), (2, 1));
        let latencies = metrics.take_latencies();
        assert_eq!(latencies.count(), 2);
        assert_eq!(latencies.quantile_us(0.5), Some(100));
        assert!(latencies.quantile_us(1.0) >= Some(LATENCY_US_MAX), "longer times are not lost");
        assert_eq!(metrics.take_latencies().count(), 0);
        assert_eq!(metrics.outcomes.total(), 3);
    }
}
