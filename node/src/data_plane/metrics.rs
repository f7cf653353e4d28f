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
    /// Batches of other nodes that were malformed.
    pub(super) bad_batches: u64,
    /// Sends that exceeded their session's rate.
    pub(super) rate_limited: u64,
    /// The times from accept to `delivered` since the last report.
    latencies: Histogram<u32>,
    /// The times from accept to any other outcome since the last report.
    failure_latencies: Histogram<u32>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            accepted: 0,
            outcomes: Outcomes::default(),
            unreported: 0,
            session_panics: 0,
            bad_batches: 0,
            rate_limited: 0,
            latencies: empty_histogram(),
            failure_latencies: empty_histogram(),
        }
    }
}

impl Metrics {
    /// A send has come to its outcome, `took` after it was accepted.
    pub(super) fn ended(&mut self, outcome: Outcome, took: Duration) {
        self.outcomes.count(outcome);
        let latencies = match outcome {
            Outcome::Delivered => &mut self.latencies,
            _ => &mut self.failure_latencies,
        };
        latencies.saturating_record(took.as_micros() as u64);
    }

    /// The latencies of delivered sends since the last call.
    pub(super) fn take_latencies(&mut self) -> LatencyHistogram {
        take(&mut self.latencies)
    }

    /// The latencies of all other sends since the last call.
    pub(super) fn take_failure_latencies(&mut self) -> LatencyHistogram {
        take(&mut self.failure_latencies)
    }
}

fn empty_histogram() -> Histogram<u32> {
    Histogram::new_with_max(LATENCY_US_MAX, 2).expect("the bounds are valid")
}

fn take(latencies: &mut Histogram<u32>) -> LatencyHistogram {
    let buckets = latencies.iter_recorded();
    let pairs = buckets
        .map(|bucket| (bucket.value_iterated_to(), bucket.count_since_last_iteration()))
        .collect();
    latencies.reset();
    LatencyHistogram(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delivered_and_failed_sends_have_latencies_of_their_own_since_the_last_report() {
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
        let failures = metrics.take_failure_latencies();
        assert_eq!((failures.count(), failures.quantile_us(1.0)), (1, Some(7)));
        assert_eq!(metrics.take_failure_latencies().count(), 0);
        assert_eq!(metrics.outcomes.total(), 3);
    }
}
