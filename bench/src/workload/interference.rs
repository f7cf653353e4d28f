//! How one traffic affects the latency of another.

use std::time::Duration;

use serde::Serialize;

use super::{BODY_BYTES, DeliveryFaults, Layout, Quantiles, measure, pairs};
use crate::{
    defaults::LOAD_OUTCOME_TIMEOUT,
    engine::{Engine, SessionId, TrafficId},
    error::LoadError,
    protocol::WireProtocol,
    system::System,
    traffic::TrafficPace,
};

/// The pairs whose latency is measured, and their rate.
const OTHERS: usize = 50;
const OTHERS_PER_SECOND: f64 = 2_000.0;

/// All senders send to one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Skew {
    /// How many senders.
    pub senders: usize,
    /// Messages a second of all senders together, where the rate is fixed.
    pub per_second: f64,
    /// How long each part is measured.
    pub measured: Duration,
}

impl Default for Skew {
    fn default() -> Self {
        Self { senders: 200, per_second: 5_000.0, measured: Duration::from_secs(5) }
    }
}

/// The result of [`Skew`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SkewResult {
    /// The others' latency while each sender has its own recipient.
    pub others_spread_us: Quantiles,
    /// The others' latency while all senders share one recipient, at the same rate.
    pub others_skewed_us: Quantiles,
    /// Messages a second to one recipient if each sender keeps 16 in flight.
    pub messages_per_s: f64,
    /// Failures of these.
    pub faults: DeliveryFaults,
}

impl Skew {
    /// Runs it.
    pub fn run<P: WireProtocol>(&self, system: &System) -> Result<SkewResult, LoadError> {
        let mut load = Interference::<P>::new(system, self.senders, self.measured)?;
        let own = load.pairs.clone();
        let (_, one) = own[0];
        let same: Vec<_> = own.iter().map(|(sender, _)| (*sender, one)).collect();
        let pace = TrafficPace::Open { per_second: self.per_second };
        let spread = load.engine.traffic(pace, own, BODY_BYTES);
        let skewed = load.engine.traffic(pace, same.iter().copied(), BODY_BYTES);
        let (others_spread_us, _) = load.beside(Some(spread))?;
        let (others_skewed_us, _) = load.beside(Some(skewed))?;
        let full = load.engine.traffic(TrafficPace::Closed { in_flight: 16 }, same, BODY_BYTES);
        let (_, messages_per_s) = load.beside(Some(full))?;
        let faults = load.engine.counts(full).into();
        Ok(SkewResult { others_spread_us, others_skewed_us, messages_per_s, faults })
    }
}

/// Large bodies among small ones.
#[derive(Clone, Copy, Debug)]
pub struct Large {
    /// The length of a large body.
    pub body_bytes: usize,
    /// Large messages a second.
    pub per_second: f64,
    /// How long each part is measured.
    pub measured: Duration,
}

impl Default for Large {
    fn default() -> Self {
        Self { body_bytes: 60 * 1024, per_second: 100.0, measured: Duration::from_secs(5) }
    }
}

/// The result of [`Large`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LargeResult {
    /// The latency of small messages alone.
    pub small_alone_us: Quantiles,
    /// Their latency while large ones are sent.
    pub small_among_large_us: Quantiles,
}

impl Large {
    /// Runs it.
    pub fn run<P: WireProtocol>(&self, system: &System) -> Result<LargeResult, LoadError> {
        let mut load = Interference::<P>::new(system, 10, self.measured)?;
        let (small_alone_us, _) = load.beside(None)?;
        let pace = TrafficPace::Open { per_second: self.per_second };
        let large = load.engine.traffic(pace, load.pairs.clone(), self.body_bytes);
        let (small_among_large_us, _) = load.beside(Some(large))?;
        Ok(LargeResult { small_alone_us, small_among_large_us })
    }
}

/// Others that send at a steady rate, and pairs beside them.
struct Interference<'a, P: WireProtocol> {
    engine: Engine<P>,
    system: &'a System,
    others: TrafficId,
    pairs: Vec<(SessionId, SessionId)>,
    measured: Duration,
}

impl<'a, P: WireProtocol> Interference<'a, P> {
    fn new(system: &'a System, count: usize, measured: Duration) -> Result<Self, LoadError> {
        let mut engine = Engine::new()?;
        let others = pairs(&mut engine, system, Layout::OneWay, OTHERS)?;
        let pace = TrafficPace::Open { per_second: OTHERS_PER_SECOND };
        let others = engine.traffic(pace, others, BODY_BYTES);
        let pairs = pairs(&mut engine, system, Layout::OneWay, count)?;
        Ok(Self { engine, system, others, pairs, measured })
    }

    /// Runs `traffic` beside the others. Returns their latency, and the arrival rate of `traffic`.
    fn beside(&mut self, traffic: Option<TrafficId>) -> Result<(Quantiles, f64), LoadError> {
        let Self { engine, others, system, .. } = self;
        let all: Vec<_> = [*others].into_iter().chain(traffic).collect();
        all.iter().for_each(|traffic| engine.start(*traffic));
        engine.run(self.measured / 5)?;
        engine.measure(*others);
        let watched: Vec<_> = traffic.into_iter().collect();
        let measured = measure(engine, system, &watched, |engine| engine.run(self.measured))?;
        all.iter().for_each(|traffic| engine.stop(*traffic));
        engine.await_outcomes(&all, LOAD_OUTCOME_TIMEOUT)?;
        Ok((Quantiles::of(engine.latency_ns(*others)), measured.per_second()))
    }
}
