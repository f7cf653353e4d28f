//! `trunkline-admin-gui`: the operator's window into a Trunkline cluster.

use std::{io, process::ExitCode};

use clap::Parser;
use tracing_subscriber::EnvFilter;
use trunkline_admin_gui::{Args, run};

/// The exit status of a run that failed.
const FAILED: u8 = 1;

/// The exit status of arguments that cannot be used as they are.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => return fail(UNUSABLE, &one_line(&error)),
        Err(help) => help.exit(),
    };
    let config = match args.check() {
        Ok(config) => config,
        Err(error) => return fail(UNUSABLE, &format!("error: {error}")),
    };
    log_to_stderr();
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, &format!("error: {error}")),
    }
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}

fn fail(status: u8, line: &str) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(status)
}

/// What clap has to say, without the usage that follows it.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    format!("{} (see --help)", lines.join(" "))
}
