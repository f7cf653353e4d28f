use std::{collections::BTreeMap, ops::Range, time::Duration};

use anyhow::Result;
use trunkline_tests::faults::{
    report::{Figures, Table},
    run::Plan,
};

use crate::one::{finish, home};

/// Runs a schedule for each seed, a line each, and returns whether all demands were always met.
pub(crate) async fn run(seeds: Range<u64>, lasting: Duration) -> Result<bool> {
    let (mut violated, mut sends, mut faults) = (Vec::new(), 0, 0);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut slowest = Duration::ZERO;
    for seed in seeds.clone() {
        let plan = Plan { seed, lasting, home: Some(home(seed)?) };
        let verdict = match plan.run(|_, _| {}).await {
            Ok(verdict) => verdict,
            Err(error) => {
                println!("seed {seed:5}: could not be run: {error}");
                violated.push(seed);
                continue;
            }
        };
        let figures = Figures::of(&verdict);
        let word = if verdict.violations.is_empty() { "kept" } else { "VIOLATED" };
        let (count, settled) = (verdict.schedule.faults.len(), verdict.settled.as_secs_f64());
        println!("seed {seed:5}: {word}; {count} faults; whole after {settled:.1} s; {figures}");
        if !verdict.violations.is_empty() {
            violated.push(seed);
            for planned in &verdict.schedule.faults {
                println!("  {planned}");
            }
            print!("{}", Table(&verdict));
        }
        finish(&plan, &verdict)?;
        sends += figures.sends;
        faults += count;
        slowest = slowest.max(verdict.settled);
        for (outcome, count) in figures.outcomes {
            *outcomes.entry(outcome).or_default() += count;
        }
    }
    let (runs, slowest) = (seeds.count(), slowest.as_secs_f64());
    println!("{runs} schedules, {faults} faults, {sends} sends, outcomes {outcomes:?}");
    println!("the slowest was whole again after {slowest:.1} s; violated by seeds {violated:?}");
    Ok(violated.is_empty())
}
