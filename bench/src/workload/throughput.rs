use std::time::Duration;

use serde::Serialize;

use super::{BODY_BYTES, Faults, Layout, measure, pairs};
use crate::{
    defaults::LOAD_SETTLE_PATIENCE,
    engine::{Engine, LoadError},
    meter::Parts,
    peer::Peer,
    system::System,
    traffic::Pace,
};

/// As much as goes through with so many messages of each pair on their way.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    /// How the pairs lie.
    pub layout: Layout,
    /// How many there are.
    pub pairs: usize,
    /// How many messages of each are on their way.
    pub in_flight: u32,
    /// How long a body is.
    pub body_bytes: usize,
    /// How long it goes on before anything is measured.
    pub warm_up: Duration,
    /// For how long it is measured.
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

/// What [`Throughput`] found.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ThroughputFigures {
    /// Messages that arrived, a second.
    pub messages_per_s: f64,
    /// Processor time of the servers for each of them, in microseconds.
    pub cpu_us: Parts,
    /// Processor time of the load generator for each of them, in microseconds.
    pub generator_us: f64,
    /// What went wrong, from the warm-up to the end.
    pub faults: Faults,
}

impl Throughput {
    /// Runs it.
    ///
    /// # Errors
    /// If the load comes to nothing.
    pub fn run<P: Peer>(&self, system: &System) -> Result<ThroughputFigures, LoadError> {
        let mut engine = Engine::<P>::new()?;
        let pairs = pairs(&mut engine, system, self.layout, self.pairs)?;
        let pace = Pace::Closed { in_flight: self.in_flight };
        let traffic = engine.traffic(pace, pairs, self.body_bytes);
        engine.start(traffic);
        engine.run(self.warm_up)?;
        let measured =
            measure(&mut engine, system, &[traffic], |engine| engine.run(self.measured))?;
        engine.stop(traffic);
        engine.settle(&[traffic], LOAD_SETTLE_PATIENCE)?;
        Ok(ThroughputFigures {
            messages_per_s: measured.per_second(),
            cpu_us: measured.cpu_us(),
            generator_us: measured.generator_us(),
            faults: engine.counts(traffic).into(),
        })
    }
}
