use std::time::Duration;

use hdrhistogram::Histogram;
use trunkline_protocol::status::LatencyHistogram;

/// The longest time that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// The times from accept to `delivered` since the last report.
#[derive(Debug)]
pub(super) struct Latencies {
    histogram: Histogram<u32>,
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_max(LATENCY_US_MAX, 2).expect("the bounds are valid");
        Self { histogram }
    }
}

impl Latencies {
    pub(super) fn record(&mut self, time: Duration) {
        self.histogram.saturating_record(time.as_micros() as u64);
    }

    /// The histogram, which is empty again.
    pub(super) fn report(&mut self) -> LatencyHistogram {
        let buckets = self.histogram.iter_recorded();
        let pairs = buckets
            .map(|bucket| (bucket.value_iterated_to(), bucket.count_since_last_iteration()))
            .collect();
        self.histogram.reset();
        LatencyHistogram(pairs)
    }
}
