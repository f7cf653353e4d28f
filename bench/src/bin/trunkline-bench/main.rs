//! The cost of messages, logins and idle sessions on this machine, optionally beside NATS.

mod cases;
mod growth;
mod machine;
mod metric;
mod progress;
mod report;
mod suite;
mod system_under_test;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use trunkline_bench::NatsCluster;
use trunkline_cli::local_cluster::LocalCluster;

use crate::{
    cases::Case,
    report::BenchReport,
    suite::{Suite, SystemSuite},
    system_under_test::BenchSetup,
};

/// How many runs medians are taken of when systems are compared.
const RUNS_WITH_PEERS: u32 = 5;

/// The cost of messages, logins and idle sessions on a cluster on this machine
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The cases to run; the default is all except the lossy links
    #[arg(value_enum)]
    cases: Vec<Case>,
    /// Run the same on two NATS servers, taking turns, and compare
    #[arg(long)]
    peers: bool,
    /// How many runs; the report shows medians [default: 1, with --peers 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Use Trunkline's programs in this folder instead of building them
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(report) if cli.json => println!("{}", report.json()),
        Ok(report) => anstream::print!("{report}"),
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(cli: &Cli) -> Result<BenchReport> {
    let setup = BenchSetup::new(cli.programs.clone())?;
    let mut systems: Vec<Box<dyn Suite + '_>> =
        vec![Box::new(SystemSuite::<LocalCluster>::new(&setup))];
    if cli.peers {
        systems.push(Box::new(SystemSuite::<NatsCluster>::new(&setup)));
    }
    let default_cases = if cli.peers { Case::FOR_PEERS } else { Case::DEFAULT };
    let cases = if cli.cases.is_empty() { default_cases } else { &cli.cases };
    let runs = cli.runs.unwrap_or(if cli.peers { RUNS_WITH_PEERS } else { 1 });
    suite::run(&mut systems, cases, runs)
}
