use serde::Serialize;

use super::{BODY_BYTES, DeliveryFaults, Measured, Names, measure};
use crate::{
    defaults::LOAD_OUTCOME_TIMEOUT,
    engine::{Engine, SessionId},
    error::LoadError,
    meter::PerRole,
    protocol::WireProtocol,
    system::System,
    traffic::TrafficPace,
};

/// Recipients that no node has a route for yet.
#[derive(Clone, Copy, Debug)]
pub struct Cold {
    /// How many, on the second node.
    pub recipients: usize,
    /// How many senders, on the first node.
    pub senders: usize,
    /// How many messages are in flight.
    pub in_flight: u64,
}

impl Default for Cold {
    fn default() -> Self {
        Self { recipients: 10_000, senders: 200, in_flight: 1_000 }
    }
}

/// The result of [`Cold`]: one message to each recipient, and then one more.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ColdResult {
    /// First messages to each recipient, a second.
    pub cold_per_s: f64,
    /// CPU time of the servers for each of these, in microseconds.
    pub cold_cpu_us: PerRole,
    /// Second messages to each recipient, a second.
    pub warm_per_s: f64,
    /// CPU time of the servers for each of those, in microseconds.
    pub warm_cpu_us: PerRole,
    /// Failures of the first messages.
    pub faults: DeliveryFaults,
}

impl Cold {
    /// Runs it.
    pub fn run<P: WireProtocol>(&self, system: &System) -> Result<ColdResult, LoadError> {
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
        Ok(ColdResult {
            cold_per_s: cold.per_second(),
            cold_cpu_us: cold.cpu_us(),
            warm_per_s: warm.per_second(),
            warm_cpu_us: warm.cpu_us(),
            faults,
        })
    }

    fn round<P: WireProtocol>(
        &self,
        engine: &mut Engine<P>,
        system: &System,
        pairs: &[(SessionId, SessionId)],
    ) -> Result<(Measured, DeliveryFaults), LoadError> {
        let pace = TrafficPace::Once { in_flight: self.in_flight };
        let traffic = engine.traffic(pace, pairs.iter().copied(), BODY_BYTES);
        engine.start(traffic);
        let run = |engine: &mut Engine<P>| engine.await_outcomes(&[traffic], LOAD_OUTCOME_TIMEOUT);
        let measured = measure(engine, system, &[traffic], run)?;
        Ok((measured, engine.counts(traffic).into()))
    }
}
