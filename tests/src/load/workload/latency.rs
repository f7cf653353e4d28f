use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{Layout, pairs};
use crate::{
    defaults::LOAD_SETTLE_PATIENCE,
    load::{Engine, LoadError, Pace, Parts, Peer, System, meter},
};

/// How long messages take at a steady rate that does not wait for them.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// How many pairs there are.
    pub pairs: usize,
    /// How many messages a second all of them send.
    pub per_second: f64,
    /// How long a body is.
    pub body_bytes: usize,
    /// How long it goes on before anything is measured.
    pub warm_up: Duration,
    /// For how long it is measured.
    pub measured: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            pairs: 50,
            per_second: 10_000.0,
            body_bytes: 128,
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(10),
        }
    }
}

/// What [`Latency`] found.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LatencyFigures {
    /// From when a message was due to its arrival.
    pub latency_us: Quantiles,
    /// Processor time of the servers for each message, in microseconds.
    pub cpu_us: Parts,
    /// Sends that were refused, told so.
    pub refused: u64,
    /// Sends of which nothing was heard.
    pub lost: u64,
}

/// Some quantiles, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quantiles {
    /// Half of them are below.
    pub p50: f64,
    /// 90 % are.
    pub p90: f64,
    /// 99 % are.
    pub p99: f64,
    /// 99.9 % are.
    pub p999: f64,
    /// All are.
    pub max: f64,
}

impl Quantiles {
    /// Of times in nanoseconds.
    pub(super) fn of(times_ns: &Histogram<u64>) -> Self {
        let us = |quantile| times_ns.value_at_quantile(quantile) as f64 / 1e3;
        Self { p50: us(0.5), p90: us(0.9), p99: us(0.99), p999: us(0.999), max: us(1.0) }
    }
}

impl Latency {
    /// Runs it.
    ///
    /// # Errors
    /// If the load comes to nothing.
    pub fn run<P: Peer>(&self, system: &System) -> Result<LatencyFigures, LoadError> {
        let mut engine = Engine::<P>::new()?;
        let pairs = pairs(&mut engine, system, Layout::OneWay, self.pairs)?;
        let pace = Pace::Open { per_second: self.per_second };
        let traffic = engine.traffic(pace, pairs, self.body_bytes);
        engine.start(traffic);
        engine.run(self.warm_up)?;
        engine.measure(traffic);
        let before = (engine.counts(traffic), meter::cpu_s(&system.servers)?);
        engine.run(self.measured)?;
        let arrived = engine.counts(traffic).since(&before.0).arrived;
        let cpu_s = meter::cpu_s(&system.servers)? - before.1;
        engine.stop(traffic);
        engine.settle(&[traffic], LOAD_SETTLE_PATIENCE)?;
        let all = engine.counts(traffic);
        Ok(LatencyFigures {
            latency_us: Quantiles::of(engine.latency_ns(traffic)),
            cpu_us: cpu_s.map(|seconds| seconds * 1e6 / arrived as f64),
            refused: all.refused,
            lost: all.open(),
        })
    }
}
