use std::{collections::BTreeMap, fmt, ops::Range, time::Duration};

use anyhow::{Context, Result};
use trunkline_tests::faults::{
    report::{Figures, Table},
    run::{Plan, Verdict},
};

use crate::one::{finish, home};

/// Runs a schedule for each seed, a line each, and returns whether all demands were always met. With
/// `stop`, the first schedule in which they are not is the last.
pub(crate) async fn run(seeds: Range<u64>, lasting: Duration, stop: bool) -> Result<bool> {
    let mut total = Total::default();
    for seed in seeds {
        let kept = total.add(seed, lasting).await?;
        if stop && !kept {
            break;
        }
    }
    println!("{total}");
    Ok(total.violated.is_empty())
}

/// What many schedules came to.
#[derive(Debug, Default)]
struct Total {
    runs: usize,
    faults: BTreeMap<&'static str, usize>,
    sends: usize,
    outcomes: BTreeMap<String, usize>,
    settled_max: Duration,
    violated: Vec<u64>,
}

impl Total {
    /// Runs a schedule, and returns whether all demands were met.
    async fn add(&mut self, seed: u64, lasting: Duration) -> Result<bool> {
        let plan = Plan { seed, lasting, home: Some(home(seed)?) };
        let verdict = plan.run(|_, _| {}).await.with_context(|| format!("seed {seed}"))?;
        let figures = Figures::of(&verdict);
        let kept = verdict.violations.is_empty();
        tell(seed, &verdict, &figures);
        finish(&plan, &verdict)?;
        self.runs += 1;
        for planned in &verdict.schedule.faults {
            *self.faults.entry(planned.fault.kind()).or_default() += 1;
        }
        self.sends += figures.sends;
        self.settled_max = self.settled_max.max(verdict.settled);
        self.violated.extend((!kept).then_some(seed));
        for (outcome, count) in figures.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        Ok(kept)
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, faults, sends, outcomes, settled_max, violated } = self;
        let count: usize = faults.values().sum();
        writeln!(f, "{runs} schedules, {sends} sends, outcomes {outcomes:?}")?;
        writeln!(f, "{count} faults: {faults:?}")?;
        write!(f, "the slowest was whole again after {:.1} s; ", settled_max.as_secs_f64())?;
        match violated.as_slice() {
            [] => f.write_str("all demands were met"),
            seeds => write!(f, "violated with seeds {seeds:?}"),
        }
    }
}

fn tell(seed: u64, verdict: &Verdict, figures: &Figures) {
    let (count, settled) = (verdict.schedule.faults.len(), verdict.settled.as_secs_f64());
    let word = if verdict.violations.is_empty() { "kept" } else { "VIOLATED" };
    println!("seed {seed:5}: {word}; {count} faults; whole after {settled:.1} s; {figures}");
    if !verdict.violations.is_empty() {
        for planned in &verdict.schedule.faults {
            println!("  {planned}");
        }
        print!("{}", Table(verdict));
    }
}
