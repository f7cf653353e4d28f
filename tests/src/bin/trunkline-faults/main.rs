//! Runs a real cluster through faults drawn from a seed, and says whether it kept its word.

mod many;
mod measure;
mod one;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

/// Trunkline under faults
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One schedule: the same faults at the same times for the same seed
    Run {
        /// What the schedule is drawn from; without it, by chance
        seed: Option<u64>,
        /// How long the faults go on
        #[arg(default_value_t = 10)]
        seconds: u64,
    },
    /// Many schedules, one after the other
    Many {
        /// How many
        #[arg(default_value_t = 100)]
        count: u64,
        /// How long the faults of each go on
        #[arg(default_value_t = 10)]
        seconds: u64,
        /// The first seed; the others follow it
        #[arg(long, default_value_t = 1)]
        first: u64,
        /// End with the first schedule in which a demand is not met
        #[arg(long)]
        stop: bool,
    },
    /// How long ghosts stay and a rebuild takes
    Measure {
        /// How often each is measured
        #[arg(default_value_t = 20)]
        rounds: usize,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let seconds = Duration::from_secs;
    let kept = match Cli::parse().command {
        Command::Run { seed, seconds: lasting } => {
            one::run(seed.unwrap_or_else(|| fastrand::u64(..100_000)), seconds(lasting)).await
        }
        Command::Measure { rounds } => measure::run(rounds).await,
        Command::Many { count, seconds: lasting, first, stop } => {
            many::run(first..first.saturating_add(count), seconds(lasting), stop).await
        }
    };
    match kept {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
