//! `trunkline-relay`: forwards between nodes, judges whether they live, and cleans up after them.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use tokio::runtime;
use trunkline_ops::{
    FAILED, UNUSABLE, fail, keep_freed_memory, log_to_stderr, parse_args, stop_signal,
};
use trunkline_protocol::Name;
use trunkline_relay::{Config, Relay};

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
    let args = match parse_args::<Args>() {
        Ok(args) => args,
        Err(status) => return status,
    };
    log_to_stderr();
    keep_freed_memory();
    let relay = match Relay::load(&args.into()) {
        Ok(relay) => relay,
        Err(error) => return fail(UNUSABLE, format!("error: {error}")),
    };
    match run(relay) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, format!("error: {error:#}")),
    }
}

impl From<Args> for Config {
    fn from(args: Args) -> Self {
        let Args { listen, redis, redis_prefix, certs, name, ops } = args;
        Self { listen, redis, redis_prefix, certs, name, ops }
    }
}

/// Runs the relay on this thread until it is told to stop.
fn run(relay: Relay) -> anyhow::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = stop_signal().context("cannot listen to signals")?;
        announce(&relay).context("cannot write to standard output")?;
        relay.run(stop).await.map_err(Into::into)
    })
}

fn announce(relay: &Relay) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "ready {} {}", relay.name(), relay.address())?;
    out.flush()
}
