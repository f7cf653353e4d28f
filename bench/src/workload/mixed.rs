//! What the traffic of some does to the messages of others.

use std::time::Duration;

use serde::Serialize;

use super::{BODY_BYTES, Faults, Layout, Quantiles, measure, pairs};
use crate::{
    defaults::LOAD_SETTLE_PATIENCE,
    engine::{Engine, LoadError, SessionId, TrafficId},
    peer::Peer,
    system::System,
    traffic::Pace,
};

/// The messages whose latency is watched: a steady trickle.
const OTHERS: usize = 50;
const OTHERS_PER_SECOND: f64 = 2_000.0;

/// All senders send to one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Skew {
    /// How many senders there are.
    pub senders: usize,
    /// How many messages a second they send, where the rate is given.
    pub per_second: f64,
    /// For how long each part is measured.
    pub measured: Duration,
}

impl Default for Skew {
    fn default() -> Self {
        Self { senders: 200, per_second: 5_000.0, measured: Duration::from_secs(5) }
    }
}

/// What [`Skew`] found.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SkewFigures {
    /// The latency of others while each sender has a recipient of its own.
    pub others_spread_us: Quantiles,
    /// The latency of others while all of them have the same, at the same rate.
    pub others_skewed_us: Quantiles,
    /// Messages a second that one recipient gets if each sender keeps 16 on their way.
    pub messages_per_s: f64,
    /// What went wrong then.
    pub faults: Faults,
}

impl Skew {
    /// Runs it.
    ///
    /// # Errors
    /// If the load comes to nothing.
    pub fn run<P: Peer>(&self, system: &System) -> Result<SkewFigures, LoadError> {
        let mut mixed = Mixed::<P>::new(system, self.senders, self.measured)?;
        let own = mixed.pairs.clone();
        let (_, one) = own[0];
        let same: Vec<_> = own.iter().map(|(sender, _)| (*sender, one)).collect();
        let pace = Pace::Open { per_second: self.per_second };
        let spread = mixed.engine.traffic(pace, own, BODY_BYTES);
        let skewed = mixed.engine.traffic(pace, same.iter().copied(), BODY_BYTES);
        let (others_spread_us, _) = mixed.beside(Some(spread))?;
        let (others_skewed_us, _) = mixed.beside(Some(skewed))?;
        let full = mixed.engine.traffic(Pace::Closed { in_flight: 16 }, same, BODY_BYTES);
        let (_, messages_per_s) = mixed.beside(Some(full))?;
        let faults = mixed.engine.counts(full).into();
        Ok(SkewFigures { others_spread_us, others_skewed_us, messages_per_s, faults })
    }
}

/// Large bodies among small ones.
#[derive(Clone, Copy, Debug)]
pub struct Large {
    /// How long a large body is.
    pub body_bytes: usize,
    /// How many of them are sent a second.
    pub per_second: f64,
    /// For how long each part is measured.
    pub measured: Duration,
}

impl Default for Large {
    fn default() -> Self {
        Self { body_bytes: 60 * 1024, per_second: 100.0, measured: Duration::from_secs(5) }
    }
}

/// What [`Large`] found.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LargeFigures {
    /// The latency of small messages when there are no others.
    pub small_alone_us: Quantiles,
    /// Their latency while large ones are sent.
    pub small_among_large_us: Quantiles,
}

impl Large {
    /// Runs it.
    ///
    /// # Errors
    /// If the load comes to nothing.
    pub fn run<P: Peer>(&self, system: &System) -> Result<LargeFigures, LoadError> {
        let mut mixed = Mixed::<P>::new(system, 10, self.measured)?;
        let (small_alone_us, _) = mixed.beside(None)?;
        let pace = Pace::Open { per_second: self.per_second };
        let large = mixed.engine.traffic(pace, mixed.pairs.clone(), self.body_bytes);
        let (small_among_large_us, _) = mixed.beside(Some(large))?;
        Ok(LargeFigures { small_alone_us, small_among_large_us })
    }
}

/// Others that send steadily, and pairs beside them.
struct Mixed<'a, P: Peer> {
    engine: Engine<P>,
    system: &'a System,
    others: TrafficId,
    pairs: Vec<(SessionId, SessionId)>,
    measured: Duration,
}

impl<'a, P: Peer> Mixed<'a, P> {
    fn new(system: &'a System, count: usize, measured: Duration) -> Result<Self, LoadError> {
        let mut engine = Engine::new()?;
        let others = pairs(&mut engine, system, Layout::OneWay, OTHERS)?;
        let pace = Pace::Open { per_second: OTHERS_PER_SECOND };
        let others = engine.traffic(pace, others, BODY_BYTES);
        let pairs = pairs(&mut engine, system, Layout::OneWay, count)?;
        Ok(Self { engine, system, others, pairs, measured })
    }

    /// Lets `traffic` go beside the others. Returns their latency, and how many messages of
    /// `traffic` arrived a second.
    fn beside(&mut self, traffic: Option<TrafficId>) -> Result<(Quantiles, f64), LoadError> {
        let Self { engine, others, system, .. } = self;
        let all: Vec<_> = [*others].into_iter().chain(traffic).collect();
        all.iter().for_each(|traffic| engine.start(*traffic));
        engine.run(self.measured / 5)?;
        engine.measure(*others);
        let watched: Vec<_> = traffic.into_iter().collect();
        let measured = measure(engine, system, &watched, |engine| engine.run(self.measured))?;
        all.iter().for_each(|traffic| engine.stop(*traffic));
        engine.settle(&all, LOAD_SETTLE_PATIENCE)?;
        Ok((Quantiles::of(engine.latency_ns(*others)), measured.per_second()))
    }
}
