use std::time::Duration;

use serde::Serialize;

use super::{BODY_BYTES, Faults, Layout, Quantiles, measure, pairs};
use crate::{
    defaults::LOAD_SETTLE_PATIENCE,
    engine::{Engine, LoadError},
    meter::Parts,
    peer::Peer,
    system::System,
    traffic::Pace,
};

/// How long messages take at a steady rate that does not wait for them.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// How many pairs there are.
    pub pairs: usize,
    /// Whether all send to the recipient of the first, in place of each to their own.
    pub one_recipient: bool,
    /// How many messages a second all of them send.
    pub per_second: f64,
    /// How long it goes on before anything is measured.
    pub warm_up: Duration,
    /// For how long it is measured.
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

/// What [`Latency`] found.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LatencyFigures {
    /// From when a message was due to its arrival.
    pub latency_us: Quantiles,
    /// Processor time of the servers for each message, in microseconds.
    pub cpu_us: Parts,
    /// What went wrong, from the warm-up to the end.
    pub faults: Faults,
}

impl Latency {
    /// Runs it.
    ///
    /// # Errors
    /// If the load comes to nothing.
    pub fn run<P: Peer>(&self, system: &System) -> Result<LatencyFigures, LoadError> {
        let mut engine = Engine::<P>::new()?;
        let mut pairs = pairs(&mut engine, system, Layout::OneWay, self.pairs)?;
        if self.one_recipient {
            let (_, one) = pairs[0];
            pairs.iter_mut().for_each(|(_, recipient)| *recipient = one);
        }
        let pace = Pace::Open { per_second: self.per_second };
        let traffic = engine.traffic(pace, pairs, BODY_BYTES);
        engine.start(traffic);
        engine.run(self.warm_up)?;
        let measured =
            measure(&mut engine, system, &[traffic], |engine| engine.run(self.measured))?;
        engine.stop(traffic);
        engine.settle(&[traffic], LOAD_SETTLE_PATIENCE)?;
        Ok(LatencyFigures {
            latency_us: Quantiles::of(engine.latency_ns(traffic)),
            cpu_us: measured.cpu_us(),
            faults: engine.counts(traffic).into(),
        })
    }
}
