use std::{collections::BTreeMap, fmt, ops::Range, time::Duration};

use anyhow::{Context, Result};
use trunkline_tests::faults::{
    report::{ResultTable, RunCounts},
    run::{RunPlan, RunResult},
};

use crate::one::{finish, home};

/// Runs a schedule for each seed, with a line for each, and returns whether all guarantees held. With
/// `stop`, it ends after the first violation.
pub(crate) async fn run(seeds: Range<u64>, lasting: Duration, stop: bool) -> Result<bool> {
    let mut total = Total::default();
    for seed in seeds {
        let held = total.add(seed, lasting).await?;
        if stop && !held {
            break;
        }
    }
    println!("{total}");
    Ok(total.violated.is_empty())
}

/// The totals of many schedules.
#[derive(Debug, Default)]
struct Total {
    runs: usize,
    faults: BTreeMap<&'static str, usize>,
    sends: usize,
    outcomes: BTreeMap<String, usize>,
    converged_after_max: Duration,
    violated: Vec<u64>,
}

impl Total {
    /// Runs a schedule, and returns whether all guarantees held.
    async fn add(&mut self, seed: u64, lasting: Duration) -> Result<bool> {
        let plan = RunPlan { seed, lasting, home: Some(home(seed)?) };
        let result = plan.run(|_, _| {}).await.with_context(|| format!("seed {seed}"))?;
        let counts = RunCounts::of(&result);
        let held = result.violations.is_empty();
        print_run(seed, &result, &counts);
        finish(&plan, &result)?;
        self.runs += 1;
        for planned in &result.schedule.faults {
            *self.faults.entry(planned.fault.kind()).or_default() += 1;
        }
        self.sends += counts.sends;
        self.converged_after_max = self.converged_after_max.max(result.converged_after);
        self.violated.extend((!held).then_some(seed));
        for (outcome, count) in counts.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        Ok(held)
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, faults, sends, outcomes, converged_after_max, violated } = self;
        let count: usize = faults.values().sum();
        writeln!(f, "{runs} schedules, {sends} sends, outcomes {outcomes:?}")?;
        writeln!(f, "{count} faults: {faults:?}")?;
        write!(f, "the slowest converged after {:.1} s; ", converged_after_max.as_secs_f64())?;
        match violated.as_slice() {
            [] => f.write_str("all guarantees held"),
            seeds => write!(f, "violations with seeds {seeds:?}"),
        }
    }
}

fn print_run(seed: u64, result: &RunResult, counts: &RunCounts) {
    let (count, converged_after) =
        (result.schedule.faults.len(), result.converged_after.as_secs_f64());
    let word = if result.violations.is_empty() { "held" } else { "VIOLATED" };
    println!(
        "seed {seed:5}: {word}; {count} faults; converged after {converged_after:.1} s; {counts}"
    );
    if !result.violations.is_empty() {
        for planned in &result.schedule.faults {
            println!("  {planned}");
        }
        print!("{}", ResultTable(result));
    }
}
