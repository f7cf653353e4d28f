use std::time::Duration;

use serde::Serialize;

use super::{BODY_BYTES, DeliveryFaults, Layout, measure, pairs};
use crate::{
    defaults::LOAD_OUTCOME_TIMEOUT, engine::Engine, error::LoadError, meter::PerRole,
    protocol::WireProtocol, system::System, traffic::TrafficPace,
};

/// Throughput with a fixed number of messages of each pair in flight.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    /// How the pairs lie.
    pub layout: Layout,
    /// How many there are.
    pub pairs: usize,
    /// How many messages of each pair are in flight.
    pub in_flight: u32,
    /// How long a body is.
    pub body_bytes: usize,
    /// How long the load runs before the measurement.
    pub warm_up: Duration,
    /// How long the measurement takes.
    pub measured: Duration,
}

impl Default for Throughput {
    fn default() -> Self {
        Self {
            layout: Layout::OneWay,
            pairs: 200,
            in_flight: 16,
            body_bytes: BODY_BYTES,
            warm_up: Duration::from_secs(2),
            measured: Duration::from_secs(8),
        }
    }
}

/// The result of [`Throughput`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ThroughputResult {
    /// Messages that arrived, a second.
    pub messages_per_s: f64,
    /// CPU time of the servers for each of them, in microseconds.
    pub cpu_us: PerRole,
    /// CPU time of the load generator for each of them, in microseconds.
    pub generator_us: f64,
    /// Failures, from the warm-up to the end.
    pub faults: DeliveryFaults,
}

impl Throughput {
    /// A short measurement, for cases that need many.
    pub fn short(layout: Layout) -> Self {
        let (warm_up, measured) = (Duration::from_secs(1), Duration::from_secs(3));
        Self { layout, warm_up, measured, ..Self::default() }
    }

    /// Runs it.
    pub fn run<P: WireProtocol>(&self, system: &System) -> Result<ThroughputResult, LoadError> {
        let mut engine = Engine::<P>::new()?;
        let pairs = pairs(&mut engine, system, self.layout, self.pairs)?;
        let pace = TrafficPace::Closed { in_flight: self.in_flight };
        let traffic = engine.traffic(pace, pairs, self.body_bytes);
        engine.start(traffic);
        engine.run(self.warm_up)?;
        let measured =
            measure(&mut engine, system, &[traffic], |engine| engine.run(self.measured))?;
        engine.stop(traffic);
        engine.await_outcomes(&[traffic], LOAD_OUTCOME_TIMEOUT)?;
        Ok(ThroughputResult {
            messages_per_s: measured.per_second(),
            cpu_us: measured.cpu_us(),
            generator_us: measured.generator_us(),
            faults: engine.counts(traffic).into(),
        })
    }
}
