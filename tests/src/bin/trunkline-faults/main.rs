//! The fault lab: runs a cluster under faults drawn from a seed, and checks the guarantees.

mod many;
mod measure;
mod one;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

/// A Trunkline cluster under faults
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one schedule; the same seed gives the same faults at the same times
    Run {
        /// The seed; the default is random
        seed: Option<u64>,
        /// How long the schedule takes, in seconds
        #[arg(default_value_t = 10)]
        seconds: u64,
    },
    /// Run many schedules, one after the other
    Many {
        /// How many schedules
        #[arg(default_value_t = 100)]
        count: u64,
        /// How long each schedule takes, in seconds
        #[arg(default_value_t = 10)]
        seconds: u64,
        /// The first seed; the others follow it
        #[arg(long, default_value_t = 1)]
        first: u64,
        /// Stop after the first violation
        #[arg(long)]
        stop: bool,
    },
    /// Measure how long stale entries stay and a rebuild takes
    Measure {
        /// How many runs each measurement has
        #[arg(default_value_t = 20)]
        rounds: usize,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let seconds = Duration::from_secs;
    let held = match Cli::parse().command {
        Command::Run { seed, seconds: lasting } => {
            one::run(seed.unwrap_or_else(|| fastrand::u64(..100_000)), seconds(lasting)).await
        }
        Command::Measure { rounds } => measure::run(rounds).await,
        Command::Many { count, seconds: lasting, first, stop } => {
            many::run(first..first.saturating_add(count), seconds(lasting), stop).await
        }
    };
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
