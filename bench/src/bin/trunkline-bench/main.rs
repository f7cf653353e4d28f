//! What messages, logins and idle sessions cost, on this machine, beside another system.

mod cases;
mod figure;
mod growth;
mod machine;
mod progress;
mod report;
mod stand;
mod suite;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use trunkline_bench::NatsCluster;
use trunkline_cli::local_cluster::Cluster;

use crate::{
    cases::Case,
    report::Report,
    stand::Setup,
    suite::{Bench, Suite},
};

/// Runs that medians are taken of, beside another system.
const RUNS_BESIDE: u32 = 5;

/// What messages, logins and idle sessions cost on a cluster of this machine
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// What to run; without any, all but the lossy links
    #[arg(value_enum)]
    cases: Vec<Case>,
    /// Run the same on two NATS servers, in turn, and compare
    #[arg(long)]
    peers: bool,
    /// How often; medians are taken of more than one [default: 1, with --peers 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Print all figures as JSON
    #[arg(long)]
    json: bool,
    /// Take Trunkline's programs from here and build none
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

fn run(cli: &Cli) -> Result<Report> {
    let setup = Setup::new(cli.programs.clone())?;
    let mut systems: Vec<Box<dyn Suite + '_>> = vec![Box::new(Bench::<Cluster>::new(&setup))];
    if cli.peers {
        systems.push(Box::new(Bench::<NatsCluster>::new(&setup)));
    }
    let usual = if cli.peers { Case::FOR_PEERS } else { Case::USUAL };
    let cases = if cli.cases.is_empty() { usual } else { &cli.cases };
    let runs = cli.runs.unwrap_or(if cli.peers { RUNS_BESIDE } else { 1 });
    suite::run(&mut systems, cases, runs)
}
