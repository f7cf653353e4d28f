//! What became of the messages, counted by all users together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep};
use trunkline_protocol::Outcome;

use super::body::LoadStamp;
use crate::defaults::{LOAD_LATENCY_DIGITS, LOAD_LATENCY_MAX_US, POLL_INTERVAL};

/// What became of all messages so far. Each that was sent is counted once: under its outcome, as
/// refused, as lost with its connection, or as still [waiting](Self::waiting).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LoadCounts {
    pub(super) sent: u64,
    /// Sends by the outcome of their receipt, as in [`Outcome::ALL`].
    outcomes: [u64; Outcome::ALL.len()],
    /// Sends that an error frame refused.
    pub(super) refused: u64,
    /// Sends without an outcome when their connection ended.
    pub(super) connection_ended: u64,
    pub(super) arrived: u64,
    /// Messages that arrived twice, or after one that was sent later.
    pub(super) out_of_order: u64,
}

impl LoadCounts {
    /// Counts the outcome of a send. One that the protocol does not know counts as refused.
    pub(super) fn note_outcome(&mut self, outcome: &str) {
        match Outcome::ALL.iter().position(|known| known.as_str() == outcome) {
            Some(at) => self.outcomes[at] += 1,
            None => self.refused += 1,
        }
    }

    /// What became of the sends that wait no more, each with its label.
    pub(super) fn ended(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let outcomes = Outcome::ALL.map(Outcome::as_str).into_iter().zip(self.outcomes);
        outcomes.chain([("refused", self.refused), ("connection ended", self.connection_ended)])
    }

    /// How many sends have no outcome yet.
    pub(super) fn waiting(&self) -> u64 {
        self.sent - self.ended().map(|(_, count)| count).sum::<u64>()
    }
}

/// What the display shows.
#[derive(Debug)]
pub(super) struct LoadReport {
    /// How many users are logged in.
    pub(super) online: usize,
    pub(super) counts: LoadCounts,
    /// The time since the report before, in seconds.
    pub(super) seconds: f64,
    /// The 50th and 99th percentile of the messages that arrived since then, in milliseconds.
    pub(super) latency_ms: Option<[f64; 2]>,
}

/// The tally that all users keep.
#[derive(Clone, Debug)]
pub(super) struct SharedTally {
    start: Instant,
    inner: Arc<Mutex<Tally>>,
}

#[derive(Debug)]
struct Tally {
    online: usize,
    counts: LoadCounts,
    reported: Instant,
    latency_us: Histogram<u64>,
}

impl SharedTally {
    /// An empty tally; latencies count from `start`.
    pub(super) fn new(start: Instant) -> Self {
        let latency_us = Histogram::new_with_max(LOAD_LATENCY_MAX_US, LOAD_LATENCY_DIGITS)
            .expect("the bounds are those of a histogram");
        let tally = Tally { online: 0, counts: LoadCounts::default(), reported: start, latency_us };
        Self { start, inner: Arc::new(Mutex::new(tally)) }
    }

    /// When the load started.
    pub(super) fn start(&self) -> Instant {
        self.start
    }

    pub(super) fn note_online(&self) {
        self.lock().online += 1;
    }

    pub(super) fn note_offline(&self) {
        self.lock().online -= 1;
    }

    /// Changes the counts.
    pub(super) fn count(&self, change: impl FnOnce(&mut LoadCounts)) {
        change(&mut self.lock().counts);
    }

    /// Counts an arrival and its latency.
    pub(super) fn note_arrival(&self, stamp: LoadStamp) {
        let latency = self.start.elapsed().saturating_sub(stamp.due);
        let mut tally = self.lock();
        tally.counts.arrived += 1;
        tally.latency_us.saturating_record(latency.as_micros() as u64);
    }

    /// What has happened, with the latencies since the last report.
    pub(super) fn report(&self) -> LoadReport {
        let mut tally = self.lock();
        let seconds = tally.reported.elapsed().as_secs_f64();
        let latency = &tally.latency_us;
        let quantile = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
        let latency_ms = (!latency.is_empty()).then(|| [quantile(0.5), quantile(0.99)]);
        tally.latency_us.reset();
        tally.reported = Instant::now();
        LoadReport { online: tally.online, counts: tally.counts, seconds, latency_ms }
    }

    /// Waits until every send has an outcome. Cancel-safe.
    pub(super) async fn settled(&self) {
        while self.lock().counts.waiting() > 0 {
            sleep(POLL_INTERVAL).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        // No panic can leave a count half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_send_is_counted_once() {
        let mut counts =
            LoadCounts { sent: 7, refused: 1, connection_ended: 2, ..Default::default() };
        for outcome in ["delivered", "offline", "an outcome of a later version"] {
            counts.note_outcome(outcome);
        }
        assert_eq!(counts.waiting(), 1);
        let count = |label| counts.ended().find(|(known, _)| *known == label).unwrap().1;
        assert_eq!((count("delivered"), count("offline"), count("refused")), (1, 1, 2));
    }
}
