//! The workloads: what is measured of a system, the same for every one.

mod latency;
mod throughput;

pub use self::{
    latency::{Latency, LatencyFigures, Quantiles},
    throughput::{Throughput, ThroughputFigures},
};
use super::{Engine, LoadError, Pace, Peer, SessionId, System};
use crate::defaults::{LOAD_PRIME_PATIENCE, LOAD_PRIMES_MAX};

/// How the ends of pairs lie on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All senders at the first node, all recipients at the second.
    OneWay,
    /// Each sender at a node, its recipient at the next, all nodes in turn.
    Ring,
}

/// Logs so many senders and as many recipients in.
fn pairs<P: Peer>(
    engine: &mut Engine<P>,
    system: &System,
    layout: Layout,
    count: usize,
) -> Result<Vec<(SessionId, SessionId)>, LoadError> {
    // Names of an earlier run may still be on their way out of the directory.
    let run = fastrand::u32(..);
    let place = |pair: usize| match layout {
        Layout::OneWay => 0,
        Layout::Ring => pair,
    };
    let node = |number: usize| system.nodes[number % system.nodes.len()];
    let senders = (0..count).map(|pair| (node(place(pair)), format!("s{run:08x}-{pair}")));
    let senders = engine.log_in(senders)?;
    let recipients = (0..count).map(|pair| (node(place(pair) + 1), format!("r{run:08x}-{pair}")));
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
    for _ in 0..LOAD_PRIMES_MAX {
        let traffic = engine.traffic(Pace::Once { in_flight: 64 }, pairs.iter().copied(), 128);
        engine.start(traffic);
        engine.settle(&[traffic], LOAD_PRIME_PATIENCE)?;
        if engine.counts(traffic).arrived == pairs.len() as u64 {
            return Ok(());
        }
    }
    Err(LoadError::NotPrimed)
}
