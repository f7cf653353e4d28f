use serde::Serialize;

use super::{BODY_BYTES, Faults, Measured, Names, measure};
use crate::{
    defaults::LOAD_SETTLE_PATIENCE,
    engine::{Engine, LoadError, SessionId},
    meter::Parts,
    peer::Peer,
    system::System,
    traffic::Pace,
};

/// Recipients to whom nobody has sent anything yet.
#[derive(Clone, Copy, Debug)]
pub struct Cold {
    /// How many there are, at the second node.
    pub recipients: usize,
    /// How many senders there are, at the first node.
    pub senders: usize,
    /// How many messages are on their way.
    pub in_flight: u64,
}

impl Default for Cold {
    fn default() -> Self {
        Self { recipients: 10_000, senders: 200, in_flight: 1_000 }
    }
}

/// What [`Cold`] found: one message to each recipient, and then one more.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ColdFigures {
    /// Messages a second, the first to each recipient.
    pub cold_per_s: f64,
    /// Processor time of the servers for each of these, in microseconds.
    pub cold_cpu_us: Parts,
    /// Messages a second, the second to each recipient.
    pub warm_per_s: f64,
    /// Processor time of the servers for each of those, in microseconds.
    pub warm_cpu_us: Parts,
    /// What went wrong with the first ones.
    pub faults: Faults,
}

impl Cold {
    /// Runs it.
    ///
    /// # Errors
    /// If the load comes to nothing.
    pub fn run<P: Peer>(&self, system: &System) -> Result<ColdFigures, LoadError> {
        let mut engine = Engine::<P>::new()?;
        let log_in = |engine: &mut Engine<P>, kind, node, count| {
            let names = Names::fresh(kind);
            engine.log_in((0..count).map(|number| (system.node(node), names.of(number))))
        };
        let senders = log_in(&mut engine, "s", 0, self.senders)?;
        let recipients = log_in(&mut engine, "r", 1, self.recipients)?;
        let pairs: Vec<_> = senders.into_iter().cycle().zip(recipients).collect();
        let (cold, faults) = self.round(&mut engine, system, &pairs)?;
        let (warm, _) = self.round(&mut engine, system, &pairs)?;
        Ok(ColdFigures {
            cold_per_s: cold.per_second(),
            cold_cpu_us: cold.cpu_us(),
            warm_per_s: warm.per_second(),
            warm_cpu_us: warm.cpu_us(),
            faults,
        })
    }

    fn round<P: Peer>(
        &self,
        engine: &mut Engine<P>,
        system: &System,
        pairs: &[(SessionId, SessionId)],
    ) -> Result<(Measured, Faults), LoadError> {
        let pace = Pace::Once { in_flight: self.in_flight };
        let traffic = engine.traffic(pace, pairs.iter().copied(), BODY_BYTES);
        engine.start(traffic);
        let go_on = |engine: &mut Engine<P>| engine.settle(&[traffic], LOAD_SETTLE_PATIENCE);
        let measured = measure(engine, system, &[traffic], go_on)?;
        Ok((measured, engine.counts(traffic).into()))
    }
}
