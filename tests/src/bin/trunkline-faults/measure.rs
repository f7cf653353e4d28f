use std::time::Duration;

use anyhow::Result;
use trunkline_tests::faults::measure::{Blow, Loss, Strain, deaths, rebuilds, strain};

/// How many users a small node has, a full one, and how many sessions are rebuilt.
const USERS: usize = 500;
/// See [`USERS`].
const USERS_MANY: usize = 50_000;
/// See [`USERS`].
const SESSIONS: usize = 5_000;

/// How long all cores are busy.
const STRAIN: Duration = Duration::from_secs(30);

/// Measures what the contract bounds, so often, and prints a Markdown table. Returns whether no
/// verdict was false.
pub(crate) async fn run(rounds: usize) -> Result<bool> {
    println!("| what | median | worst | runs |");
    println!("| --- | --- | --- | --- |");
    for (blow, users) in [
        (Blow::Kill, USERS),
        (Blow::Kill, USERS_MANY),
        (Blow::Freeze, USERS),
        (Blow::Vanish, USERS),
    ] {
        for timing in deaths(blow, users, rounds).await? {
            println!("{timing}");
        }
    }
    for loss in [Loss::Flush, Loss::Restart] {
        println!("{}", rebuilds(loss, SESSIONS, rounds).await?);
    }
    let Strain { threads, verdicts, reborn } = strain(STRAIN).await?;
    let seconds = STRAIN.as_secs();
    println!();
    println!(
        "{threads} threads spinning for {seconds} s: {verdicts} false verdicts, {reborn} reborn"
    );
    Ok(verdicts == 0 && reborn == 0)
}
