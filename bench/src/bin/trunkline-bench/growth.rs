//! W5: whether a message costs more in a larger system. Runs of all sizes take turns.

use anyhow::Result;
use trunkline_bench::{Bystanders, System, workload::Layout};

use crate::{
    cases::short,
    figure::{Figure, Goal::AtMost, Unit},
    stand::{Setup, Stand},
};

/// How often each size has its turn.
const TURNS: usize = 3;

/// What a message may cost more than in the smallest system.
const GROWTH: f64 = 1.10;

const NODES: [usize; 3] = [2, 4, 8];
const USERS: [(usize, &str); 2] = [(1_000, "a thousand users"), (1_000_000, "a million users")];
const IDLE: [(usize, &str); 2] = [(1, "1 idle session a node"), (7_500, "7,500 idle sessions")];

/// Over 2, 4 and 8 nodes.
pub(crate) fn nodes<S: Stand>(setup: &Setup) -> Result<Vec<Figure>> {
    let stands = NODES.map(|nodes| Ok((format!("{nodes} nodes"), S::start(setup, nodes)?)));
    let stands = stands.into_iter().collect::<Result<Vec<_>>>()?;
    let systems = stands.iter().map(|(name, stand)| (name.clone(), stand.system()));
    compare::<S>(&systems.collect::<Vec<_>>())
}

/// With a thousand and a million users in the directory.
pub(crate) fn directory<S: Stand>(setup: &Setup) -> Result<Vec<Figure>> {
    let stands = USERS.map(|(users, name)| {
        let stand = S::start(setup, 2)?;
        let filler = stand.fill(users)?;
        Ok((name.to_owned(), stand, filler))
    });
    let stands = stands.into_iter().collect::<Result<Vec<_>>>()?;
    let systems = stands.iter().map(|(name, stand, _)| (name.clone(), stand.system()));
    compare::<S>(&systems.collect::<Vec<_>>())
}

/// With 1 and 7,500 idle sessions on each node.
pub(crate) fn idle<S: Stand>(setup: &Setup) -> Result<Vec<Figure>> {
    let stands = IDLE.map(|(idle, name)| {
        let stand = S::start(setup, 2)?;
        let system = stand.system();
        let count = idle * system.nodes.len();
        let bystanders = Bystanders::log_in::<S::Peer>(system, count)?;
        Ok((name.to_owned(), stand, bystanders))
    });
    let stands = stands.into_iter().collect::<Result<Vec<_>>>()?;
    let systems = stands.iter().map(|(name, stand, _)| (name.clone(), stand.system()));
    compare::<S>(&systems.collect::<Vec<_>>())
}

/// The cost of a message in each system, and how it compares with the first.
fn compare<S: Stand>(systems: &[(String, System)]) -> Result<Vec<Figure>> {
    let mut costs = vec![Vec::new(); systems.len()];
    for _ in 0..TURNS {
        for ((_, system), costs) in systems.iter().zip(&mut costs) {
            costs.push(short(Layout::Ring).run::<S::Peer>(system)?.cpu_us.sum());
        }
    }
    let costs: Vec<_> = costs.into_iter().map(median).collect();
    let figures = systems.iter().zip(&costs).enumerate().flat_map(|(at, ((name, _), cost))| {
        let growth = Figure::new("  by the smallest", Unit::Times, cost / costs[0]);
        let growth = (at > 0).then(|| growth.goal(AtMost(GROWTH)));
        [Figure::us(format!("server CPU a message, {name}"), *cost)].into_iter().chain(growth)
    });
    Ok(figures.collect())
}

/// The middle one, of an even number the lower of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len().max(1) - 1) / 2).copied().unwrap_or(f64::NAN)
}
