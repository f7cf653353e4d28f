use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Layout, pairs};
use crate::{
    defaults::LOAD_SETTLE_PATIENCE,
    load::{Counts, Engine, LoadError, Pace, Parts, Peer, System, meter},
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
            body_bytes: 128,
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
    /// Sends that were refused, told so, from the warm-up to the end.
    pub refused: u64,
    /// Sends of which nothing was heard, likewise.
    pub lost: u64,
    /// Messages that arrived once more, likewise.
    pub repeated: u64,
    /// Messages that arrived after later ones, likewise.
    pub disordered: u64,
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
        let before = Reading::take(system, engine.counts(traffic))?;
        engine.run(self.measured)?;
        let after = Reading::take(system, engine.counts(traffic))?;
        engine.stop(traffic);
        engine.settle(&[traffic], LOAD_SETTLE_PATIENCE)?;
        Ok(after.since(&before).figures(&engine.counts(traffic)))
    }
}

/// Everything that is read at one moment.
struct Reading {
    at: Instant,
    counts: Counts,
    cpu_s: Parts,
    generator_s: f64,
}

/// What was added between two of them.
struct Added {
    time: Duration,
    counts: Counts,
    cpu_s: Parts,
    generator_s: f64,
}

impl Reading {
    fn take(system: &System, counts: Counts) -> Result<Self, LoadError> {
        Ok(Self {
            at: Instant::now(),
            counts,
            cpu_s: meter::cpu_s(&system.servers)?,
            generator_s: meter::own_cpu_s()?,
        })
    }

    fn since(&self, before: &Self) -> Added {
        Added {
            time: self.at - before.at,
            counts: self.counts.since(&before.counts),
            cpu_s: self.cpu_s - before.cpu_s,
            generator_s: self.generator_s - before.generator_s,
        }
    }
}

impl Added {
    fn figures(&self, all: &Counts) -> ThroughputFigures {
        let each = |seconds: f64| seconds * 1e6 / self.counts.arrived as f64;
        ThroughputFigures {
            messages_per_s: self.counts.arrived as f64 / self.time.as_secs_f64(),
            cpu_us: self.cpu_s.map(each),
            generator_us: each(self.generator_s),
            refused: all.refused,
            lost: all.open(),
            repeated: all.repeated,
            disordered: all.disordered,
        }
    }
}
