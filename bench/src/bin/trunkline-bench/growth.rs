//! W5: whether a message costs more in a larger system. Systems of all sizes take turns.

use anyhow::Result;
use trunkline_bench::{
    IdleUsers, System,
    workload::{Layout, Throughput},
};

use crate::{
    metric::{Goal::AtMost, Metric, MetricUnit},
    system_under_test::{BenchSetup, SystemUnderTest},
};

/// How many runs each size has.
const RUNS: usize = 3;

/// The most that a message may cost relative to the smallest system.
const GROWTH_MAX: f64 = 1.10;

const NODES: [usize; 3] = [2, 4, 8];
const USERS: [(usize, &str); 2] = [(1_000, "a thousand users"), (1_000_000, "a million users")];
const IDLE: [(usize, &str); 2] = [(1, "1 idle session per node"), (7_500, "7,500 idle sessions")];

/// Over 2, 4 and 8 nodes.
pub(crate) fn nodes<S: SystemUnderTest>(setup: &BenchSetup) -> Result<Vec<Metric>> {
    let systems_under_test =
        NODES.map(|nodes| Ok((format!("{nodes} nodes"), S::start(setup, nodes)?)));
    let systems_under_test = systems_under_test.into_iter().collect::<Result<Vec<_>>>()?;
    let systems = systems_under_test.iter().map(|(name, system)| (name.clone(), system.system()));
    compare::<S>(&systems.collect::<Vec<_>>())
}

/// With a thousand and a million users in the directory.
pub(crate) fn directory<S: SystemUnderTest>(setup: &BenchSetup) -> Result<Vec<Metric>> {
    let systems_under_test = USERS.map(|(users, name)| {
        let system = S::start(setup, 2)?;
        let directory_filler = system.fill(users)?;
        Ok((name.to_owned(), system, directory_filler))
    });
    let systems_under_test = systems_under_test.into_iter().collect::<Result<Vec<_>>>()?;
    let systems =
        systems_under_test.iter().map(|(name, system, _)| (name.clone(), system.system()));
    compare::<S>(&systems.collect::<Vec<_>>())
}

/// With 1 and 7,500 idle sessions on each node.
pub(crate) fn idle<S: SystemUnderTest>(setup: &BenchSetup) -> Result<Vec<Metric>> {
    let systems_under_test = IDLE.map(|(idle, name)| {
        let cluster = S::start(setup, 2)?;
        let system = cluster.system();
        let count = idle * system.nodes.len();
        let idle_users = IdleUsers::log_in::<S::WireProtocol>(system, count)?;
        Ok((name.to_owned(), cluster, idle_users))
    });
    let systems_under_test = systems_under_test.into_iter().collect::<Result<Vec<_>>>()?;
    let systems =
        systems_under_test.iter().map(|(name, system, _)| (name.clone(), system.system()));
    compare::<S>(&systems.collect::<Vec<_>>())
}

/// The cost of a message in each system, and how it compares with the first.
fn compare<S: SystemUnderTest>(systems: &[(String, System)]) -> Result<Vec<Metric>> {
    let mut costs = vec![Vec::new(); systems.len()];
    for _ in 0..RUNS {
        for ((_, system), costs) in systems.iter().zip(&mut costs) {
            costs
                .push(Throughput::short(Layout::Ring).run::<S::WireProtocol>(system)?.cpu_us.sum());
        }
    }
    let costs: Vec<_> = costs.into_iter().map(median).collect();
    let metrics = systems.iter().zip(&costs).enumerate().flat_map(|(at, ((name, _), cost))| {
        let growth = Metric::new("  relative to the smallest", MetricUnit::Times, cost / costs[0]);
        let growth = (at > 0).then(|| growth.goal(AtMost(GROWTH_MAX)));
        [Metric::us(format!("server CPU per message, {name}"), *cost)].into_iter().chain(growth)
    });
    Ok(metrics.collect())
}

/// The median; of an even number of values, the lower middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len().max(1) - 1) / 2).copied().unwrap_or(f64::NAN)
}
