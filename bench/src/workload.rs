//! The workloads: what is measured, in the same way for every system.

mod cold;
mod idle;
mod interference;
mod latency;
mod throughput;

use std::{
    iter::Sum,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::Serialize;

pub use self::{
    cold::{Cold, ColdResult},
    idle::{Idle, LoginResult, Logins},
    interference::{Large, LargeResult, Skew, SkewResult},
    latency::{Latency, LatencyResult},
    throughput::{Throughput, ThroughputResult},
};
use super::meter;
use crate::defaults::{LOAD_PRIME_TIMEOUT, LOAD_PRIMES_MAX};
use crate::{
    engine::{Engine, SessionId, TrafficId},
    error::LoadError,
    flow::TrafficCounts,
    meter::PerRole,
    protocol::WireProtocol,
    system::System,
    traffic::TrafficPace,
};

/// The default length of a body, in bytes.
pub const BODY_BYTES: usize = 128;

/// On which nodes the senders and recipients of pairs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All senders on the first node, all recipients on the second.
    OneWay,
    /// Each recipient on the node after its sender's, over all nodes.
    Ring,
}

/// Quantiles of latencies, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
}

impl Quantiles {
    fn of(times_ns: &Histogram<u64>) -> Self {
        let us = |quantile| times_ns.value_at_quantile(quantile) as f64 / 1e3;
        Self { p50: us(0.5), p90: us(0.9), p99: us(0.99), p999: us(0.999) }
    }
}

/// Messages that were refused, lost, repeated or out of order.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct DeliveryFaults {
    /// Sends with a receipt that they were not delivered.
    pub refused: u64,
    /// Sends without an arrival or refusal in time.
    pub lost: u64,
    /// Messages that arrived again.
    pub repeated: u64,
    /// Messages that arrived after a later one of the same sender to the same recipient.
    pub disordered: u64,
}

impl Sum for DeliveryFaults {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            refused: sum.refused + one.refused,
            lost: sum.lost + one.lost,
            repeated: sum.repeated + one.repeated,
            disordered: sum.disordered + one.disordered,
        })
    }
}

impl From<TrafficCounts> for DeliveryFaults {
    fn from(counts: TrafficCounts) -> Self {
        Self {
            refused: counts.refused,
            lost: counts.open(),
            repeated: counts.repeated,
            disordered: counts.disordered,
        }
    }
}

/// What was counted while measuring.
struct Measured {
    time: Duration,
    arrived: u64,
    cpu_s: PerRole,
    generator_s: f64,
}

impl Measured {
    fn per_second(&self) -> f64 {
        self.arrived as f64 / self.time.as_secs_f64()
    }

    /// CPU time of the servers for each message that arrived, in microseconds.
    fn cpu_us(&self) -> PerRole {
        self.cpu_s.map(|seconds| seconds * 1e6 / self.arrived as f64)
    }

    fn generator_us(&self) -> f64 {
        self.generator_s * 1e6 / self.arrived as f64
    }
}

/// Measures these traffics while `run` runs the engine.
fn measure<P: WireProtocol>(
    engine: &mut Engine<P>,
    system: &System,
    traffics: &[TrafficId],
    run: impl FnOnce(&mut Engine<P>) -> Result<(), LoadError>,
) -> Result<Measured, LoadError> {
    let arrived = |engine: &Engine<P>| -> u64 {
        traffics.iter().map(|traffic| engine.counts(*traffic).arrived).sum()
    };
    traffics.iter().for_each(|traffic| engine.measure(*traffic));
    let (arrived_before, begin) = (arrived(engine), Instant::now());
    let (cpu_before, own_before) = (meter::cpu_s(&system.servers)?, meter::own_cpu_s()?);
    run(engine)?;
    Ok(Measured {
        time: begin.elapsed(),
        arrived: arrived(engine) - arrived_before,
        cpu_s: meter::cpu_s(&system.servers)? - cpu_before,
        generator_s: meter::own_cpu_s()? - own_before,
    })
}

/// Logs `count` senders and `count` recipients in.
fn pairs<P: WireProtocol>(
    engine: &mut Engine<P>,
    system: &System,
    layout: Layout,
    count: usize,
) -> Result<Vec<(SessionId, SessionId)>, LoadError> {
    let place = |pair: usize| match layout {
        Layout::OneWay => 0,
        Layout::Ring => pair,
    };
    let (senders, recipients) = (Names::fresh("s"), Names::fresh("r"));
    let senders = (0..count).map(|pair| (system.node(place(pair)), senders.of(pair)));
    let senders = engine.log_in(senders)?;
    let recipients = (0..count).map(|pair| (system.node(place(pair) + 1), recipients.of(pair)));
    let recipients = engine.log_in(recipients)?;
    let pairs: Vec<_> = senders.into_iter().zip(recipients).collect();
    prime(engine, &pairs)?;
    Ok(pairs)
}

/// Sends a message over each pair until all arrive: a system may need a moment to know where every
/// recipient is.
fn prime<P: WireProtocol>(
    engine: &mut Engine<P>,
    pairs: &[(SessionId, SessionId)],
) -> Result<(), LoadError> {
    let pace = TrafficPace::Once { in_flight: 64 };
    for _ in 0..LOAD_PRIMES_MAX {
        let traffic = engine.traffic(pace, pairs.iter().copied(), BODY_BYTES);
        engine.start(traffic);
        engine.await_outcomes(&[traffic], LOAD_PRIME_TIMEOUT)?;
        if engine.counts(traffic).arrived == pairs.len() as u64 {
            return Ok(());
        }
    }
    Err(LoadError::NotPrimed)
}

/// User names that no earlier run had: its entries may still be in the directory.
struct Names(String);

impl Names {
    fn fresh(kind: &str) -> Self {
        Self(format!("{kind}{:08x}", fastrand::u32(..)))
    }

    fn of(&self, number: usize) -> String {
        format!("{}-{number}", self.0)
    }
}
