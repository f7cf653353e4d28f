use std::time::Duration;

use anyhow::Result;
use trunkline_tests::faults::measure::{
    DataLoss, FalseVerdicts, NodeFailure, measure_cleanup, measure_false_verdicts, measure_rebuild,
};

/// The users of a small node and of a full one, and the sessions of a rebuild.
const USERS: usize = 500;
/// See [`USERS`].
const USERS_MANY: usize = 50_000;
/// See [`USERS`].
const SESSIONS: usize = 5_000;

/// How long all cores are busy.
const CPU_LOAD: Duration = Duration::from_secs(30);

/// Measures clean-up and rebuild, and prints a Markdown table. Returns whether there was no false
/// verdict.
pub(crate) async fn run(rounds: usize) -> Result<bool> {
    println!("| what | median | worst | runs |");
    println!("| --- | --- | --- | --- |");
    for (failure, users) in [
        (NodeFailure::Kill, USERS),
        (NodeFailure::Kill, USERS_MANY),
        (NodeFailure::Freeze, USERS),
        (NodeFailure::Vanish, USERS),
    ] {
        for timing in measure_cleanup(failure, users, rounds).await? {
            println!("{timing}");
        }
    }
    for loss in [DataLoss::Flush, DataLoss::Restart] {
        println!("{}", measure_rebuild(loss, SESSIONS, rounds).await?);
    }
    let FalseVerdicts { threads, verdicts, restarted } = measure_false_verdicts(CPU_LOAD).await?;
    let seconds = CPU_LOAD.as_secs();
    println!();
    println!(
        "{threads} threads spinning for {seconds} s: {verdicts} false verdicts, {restarted} new incarnations"
    );
    Ok(verdicts == 0 && restarted == 0)
}
