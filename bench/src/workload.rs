//! The workloads: what is measured of a system, the same for every one.

mod cold;
mod idle;
mod latency;
mod mixed;
mod throughput;

use std::{
    iter::Sum,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::Serialize;

pub use self::{
    cold::{Cold, ColdFigures},
    idle::{Idle, LoginFigures, Logins},
    latency::{Latency, LatencyFigures},
    mixed::{Large, LargeFigures, Skew, SkewFigures},
    throughput::{Throughput, ThroughputFigures},
};
use super::meter;
use crate::defaults::{LOAD_PRIME_PATIENCE, LOAD_PRIMES_MAX};
use crate::{
    engine::{Engine, LoadError, SessionId, TrafficId},
    flow::Counts,
    meter::Parts,
    peer::Peer,
    system::System,
    traffic::Pace,
};

/// The usual length of a body, in bytes.
pub const BODY_BYTES: usize = 128;

/// How the ends of pairs lie on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All senders at the first node, all recipients at the second.
    OneWay,
    /// Each sender at a node, its recipient at the next, all nodes in turn.
    Ring,
}

/// Some quantiles of times, in microseconds.
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
}

impl Quantiles {
    fn of(times_ns: &Histogram<u64>) -> Self {
        let us = |quantile| times_ns.value_at_quantile(quantile) as f64 / 1e3;
        Self { p50: us(0.5), p90: us(0.9), p99: us(0.99), p999: us(0.999) }
    }
}

/// What went wrong with messages, from the first to the last.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Faults {
    /// Sends that were refused, and told so.
    pub refused: u64,
    /// Sends of which nothing was heard, though long enough was waited.
    pub lost: u64,
    /// Messages that arrived once more.
    pub repeated: u64,
    /// Messages that arrived after later ones of the same sender to the same recipient.
    pub disordered: u64,
}

impl Sum for Faults {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            refused: sum.refused + one.refused,
            lost: sum.lost + one.lost,
            repeated: sum.repeated + one.repeated,
            disordered: sum.disordered + one.disordered,
        })
    }
}

impl From<Counts> for Faults {
    fn from(counts: Counts) -> Self {
        Self {
            refused: counts.refused,
            lost: counts.open(),
            repeated: counts.repeated,
            disordered: counts.disordered,
        }
    }
}

/// What was counted over a while.
struct Measured {
    time: Duration,
    arrived: u64,
    cpu_s: Parts,
    generator_s: f64,
}

impl Measured {
    fn per_second(&self) -> f64 {
        self.arrived as f64 / self.time.as_secs_f64()
    }

    /// Microseconds of the servers' processors for each message that arrived.
    fn cpu_us(&self) -> Parts {
        self.cpu_s.map(|seconds| seconds * 1e6 / self.arrived as f64)
    }

    fn generator_us(&self) -> f64 {
        self.generator_s * 1e6 / self.arrived as f64
    }
}

/// Goes on for so long, or what else `go_on` does, and measures these traffics meanwhile.
fn measure<P: Peer>(
    engine: &mut Engine<P>,
    system: &System,
    traffics: &[TrafficId],
    go_on: impl FnOnce(&mut Engine<P>) -> Result<(), LoadError>,
) -> Result<Measured, LoadError> {
    let arrived = |engine: &Engine<P>| -> u64 {
        traffics.iter().map(|traffic| engine.counts(*traffic).arrived).sum()
    };
    traffics.iter().for_each(|traffic| engine.measure(*traffic));
    let (arrived_before, begin) = (arrived(engine), Instant::now());
    let (cpu_before, own_before) = (meter::cpu_s(&system.servers)?, meter::own_cpu_s()?);
    go_on(engine)?;
    Ok(Measured {
        time: begin.elapsed(),
        arrived: arrived(engine) - arrived_before,
        cpu_s: meter::cpu_s(&system.servers)? - cpu_before,
        generator_s: meter::own_cpu_s()? - own_before,
    })
}

/// Logs so many senders and as many recipients in.
fn pairs<P: Peer>(
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

/// Sends a message over each pair until all of them arrive: until then a system may not know yet
/// who is where.
fn prime<P: Peer>(
    engine: &mut Engine<P>,
    pairs: &[(SessionId, SessionId)],
) -> Result<(), LoadError> {
    let pace = Pace::Once { in_flight: 64 };
    for _ in 0..LOAD_PRIMES_MAX {
        let traffic = engine.traffic(pace, pairs.iter().copied(), BODY_BYTES);
        engine.start(traffic);
        engine.settle(&[traffic], LOAD_PRIME_PATIENCE)?;
        if engine.counts(traffic).arrived == pairs.len() as u64 {
            return Ok(());
        }
    }
    Err(LoadError::NotPrimed)
}

/// Names of users that no run before had: those may still be on their way out of the directory.
struct Names(String);

impl Names {
    fn fresh(kind: &str) -> Self {
        Self(format!("{kind}{:08x}", fastrand::u32(..)))
    }

    fn of(&self, number: usize) -> String {
        format!("{}-{number}", self.0)
    }
}
