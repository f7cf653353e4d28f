//! `trunkline-relay`: forwards between nodes, judges whether they live, and cleans up after them.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;
use trunkline_protocol::Name;
use trunkline_relay::{Config, Relay};

/// The exit status of a run that failed.
const FAILED: u8 = 1;

/// The exit status of arguments, or a configuration, that cannot be used as they are.
const UNUSABLE: u8 = 2;

/// Forwards messages between Trunkline's nodes, judges whether they live, and cleans up after
/// those that do not.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The UDP address that nodes and operators dial; port 0 takes a free one.
    #[arg(long, env = "TRUNKLINE_LISTEN")]
    listen: SocketAddr,
    /// Redis, as redis://[[user]:password@]host[:port][/db].
    #[arg(long, env = "TRUNKLINE_REDIS", hide_env_values = true)]
    redis: String,
    /// What all keys in Redis begin with.
    #[arg(
        long,
        env = "TRUNKLINE_REDIS_PREFIX",
        default_value = trunkline_directory::defaults::KEY_PREFIX
    )]
    redis_prefix: String,
    /// The folder that holds ca.pem and this relay's certificate and key.
    #[arg(long, env = "TRUNKLINE_CERTS")]
    certs: PathBuf,
    /// This relay's name: a DNS label, such as relay-1.
    #[arg(long, env = "TRUNKLINE_NAME")]
    name: Name,
    /// The TCP address to serve /healthz, /readyz and /metrics on.
    #[arg(long, env = "TRUNKLINE_OPS")]
    ops: Option<SocketAddr>,
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => return fail(UNUSABLE, &one_line(&error)),
        Err(help) => help.exit(),
    };
    log_to_stderr();
    let relay = match Relay::load(&args.into()) {
        Ok(relay) => relay,
        Err(error) => {
            let status = if error.may_pass() { FAILED } else { UNUSABLE };
            return fail(status, &format!("error: {error}"));
        }
    };
    match run(relay) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, &format!("error: {error:#}")),
    }
}

impl From<Args> for Config {
    fn from(args: Args) -> Self {
        let Args { listen, redis, redis_prefix, certs, name, ops } = args;
        Self { listen, redis, redis_prefix, certs, name, ops }
    }
}

fn run(relay: Relay) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            info!("leaving");
        };
        announce(&relay).context("cannot write to standard output")?;
        relay.run(shutdown).await.map_err(Into::into)
    })
}

fn announce(relay: &Relay) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "ready {} {}", relay.name(), relay.address())?;
    out.flush()
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("TRUNKLINE_LOG")
        .or_else(|_| EnvFilter::try_from_default_env())
        .unwrap_or_else(|_| EnvFilter::new("info"));
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
