use std::{env, fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use trunkline_tests::faults::{
    report::Table,
    run::{Plan, Verdict},
    schedule::Step,
};

/// Runs one schedule, and returns whether all demands were met.
pub(crate) async fn run(seed: u64, lasting: Duration) -> Result<bool> {
    let plan = Plan { seed, lasting, home: Some(home(seed)?) };
    println!("seed {seed}, {} s, three nodes. Planned:", lasting.as_secs());
    for planned in plan.schedule().faults {
        println!("  {planned}");
    }
    println!("Now:");
    let verdict = plan.run(say).await?;
    print!("{}", Table(&verdict));
    finish(&plan, &verdict)?;
    Ok(verdict.violations.is_empty())
}

fn say(step: &Step, now: Duration) {
    let word = if step.begins { "" } else { "over: " };
    println!("  {:6.2} s  {word}{}", now.as_secs_f64(), step.fault);
}

/// A folder for a run's logs and certificates.
pub(crate) fn home(seed: u64) -> Result<PathBuf> {
    let home = env::temp_dir().join(format!("trunkline-faults-{}-{seed}", std::process::id()));
    fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    Ok(home)
}

/// Keeps what helps to find a cause, and only then.
pub(crate) fn finish(plan: &Plan, verdict: &Verdict) -> Result<()> {
    let Some(home) = &plan.home else { return Ok(()) };
    if verdict.violations.is_empty() {
        return fs::remove_dir_all(home).context("cannot remove the logs");
    }
    let all: String = verdict.violations.iter().map(|violation| format!("{violation}\n")).collect();
    fs::write(home.join("violations.txt"), all).context("cannot keep the violations")?;
    fs::write(home.join("history.txt"), format!("{:#?}", verdict.history))
        .context("cannot keep the history")?;
    println!("logs, violations and history are in {}", home.display());
    Ok(())
}
