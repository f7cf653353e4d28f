use std::time::Duration;

use serde::Serialize;

use super::{BODY_BYTES, DeliveryFaults, Layout, Quantiles, measure, pairs};
use crate::{
    defaults::LOAD_OUTCOME_TIMEOUT, engine::Engine, error::LoadError, meter::PerRole,
    protocol::WireProtocol, system::System, traffic::TrafficPace,
};

/// Latency at a steady rate.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// How many pairs.
    pub pairs: usize,
    /// Whether all senders send to the first pair's recipient.
    pub one_recipient: bool,
    /// Messages a second of all pairs together.
    pub per_second: f64,
    /// How long the load runs before the measurement.
    pub warm_up: Duration,
    /// How long the measurement takes.
    pub measured: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            pairs: 50,
            one_recipient: false,
            per_second: 10_000.0,
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(10),
        }
    }
}

/// The result of [`Latency`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LatencyResult {
    /// From due time to arrival.
    pub latency_us: Quantiles,
    /// CPU time of the servers for each message, in microseconds.
    pub cpu_us: PerRole,
    /// Failures, from the warm-up to the end.
    pub faults: DeliveryFaults,
}

impl Latency {
    /// Runs it.
    pub fn run<P: WireProtocol>(&self, system: &System) -> Result<LatencyResult, LoadError> {
        let mut engine = Engine::<P>::new()?;
        let mut pairs = pairs(&mut engine, system, Layout::OneWay, self.pairs)?;
        if self.one_recipient {
            let (_, one) = pairs[0];
            pairs.iter_mut().for_each(|(_, recipient)| *recipient = one);
        }
        let pace = TrafficPace::Open { per_second: self.per_second };
        let traffic = engine.traffic(pace, pairs, BODY_BYTES);
        engine.start(traffic);
        engine.run(self.warm_up)?;
        let measured =
            measure(&mut engine, system, &[traffic], |engine| engine.run(self.measured))?;
        engine.stop(traffic);
        engine.await_outcomes(&[traffic], LOAD_OUTCOME_TIMEOUT)?;
        Ok(LatencyResult {
            latency_us: Quantiles::of(engine.latency_ns(traffic)),
            cpu_us: measured.cpu_us(),
            faults: engine.counts(traffic).into(),
        })
    }
}
