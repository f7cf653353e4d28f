use std::{env, fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use trunkline_tests::faults::{
    report::ResultTable,
    run::{RunPlan, RunResult},
    schedule::ScheduleStep,
};

/// Runs one schedule, and returns whether all guarantees held.
pub(crate) async fn run(seed: u64, lasting: Duration) -> Result<bool> {
    let plan = RunPlan { seed, lasting, home: Some(home(seed)?) };
    println!("seed {seed}, {} s, three nodes. Planned:", lasting.as_secs());
    for planned in plan.schedule().faults {
        println!("  {planned}");
    }
    println!("Running:");
    let result = plan.run(report).await?;
    print!("{}", ResultTable(&result));
    finish(&plan, &result)?;
    Ok(result.violations.is_empty())
}

fn report(step: &ScheduleStep, now: Duration) {
    let word = if step.begins { "" } else { "ended: " };
    println!("  {:6.2} s  {word}{}", now.as_secs_f64(), step.fault);
}

/// The folder for a run's logs and certificates.
pub(crate) fn home(seed: u64) -> Result<PathBuf> {
    let home = env::temp_dir().join(format!("trunkline-faults-{}-{seed}", std::process::id()));
    fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    Ok(home)
}

/// Keeps logs, violations and history if there are violations, and removes them otherwise.
pub(crate) fn finish(plan: &RunPlan, result: &RunResult) -> Result<()> {
    let Some(home) = &plan.home else { return Ok(()) };
    if result.violations.is_empty() {
        return fs::remove_dir_all(home).context("cannot remove the logs");
    }
    let all: String = result.violations.iter().map(|violation| format!("{violation}\n")).collect();
    fs::write(home.join("violations.txt"), all).context("cannot keep the violations")?;
    fs::write(home.join("history.txt"), format!("{:#?}", result.history))
        .context("cannot keep the history")?;
    println!("logs, violations and history are in {}", home.display());
    Ok(())
}
