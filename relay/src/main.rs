//! `trunkline-relay`: the program.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use tokio::runtime;
use trunkline_ops::{
    FAILED, ListenAddress, SecretUrl, UNUSABLE, announce, fail, keep_freed_memory, log_to_stderr,
    parse_args, raise_open_files, stop_signal,
};
use trunkline_protocol::Name;
use trunkline_relay::{Relay, RelayConfig, defaults};

/// Forwards messages between Trunkline's nodes, declares nodes dead, and purges what dead ones leave
/// in the directory.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: trunkline-relay --name relay-1 --listen 127.0.0.1:7400 --redis redis://127.0.0.1:6379 --certs certs"
)]
struct Args {
    /// The UDP address that nodes and operators dial, HOST:PORT; port 0 takes a free one.
    #[arg(long, env = "TRUNKLINE_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:7400")]
    listen: ListenAddress,
    /// The URL of Redis.
    #[arg(
        long,
        env = "TRUNKLINE_REDIS",
        value_name = "URL",
        default_value = "redis://127.0.0.1:6379"
    )]
    redis: SecretUrl,
    /// The prefix of all keys in Redis.
    #[arg(
        long,
        env = "TRUNKLINE_REDIS_PREFIX", value_name = "PREFIX",
        default_value = trunkline_directory::defaults::KEY_PREFIX
    )]
    redis_prefix: String,
    /// The folder that holds ca.pem and this relay's certificate and key.
    #[arg(long, env = "TRUNKLINE_CERTS", value_name = "DIR")]
    certs: PathBuf,
    /// This relay's name: a DNS label, such as relay-1.
    #[arg(long, env = "TRUNKLINE_NAME", value_name = "NAME")]
    name: Name,
    /// The TCP address to serve /healthz, /readyz and /metrics on, HOST:PORT.
    #[arg(long, env = "TRUNKLINE_OPS", value_name = "ADDR")]
    ops: Option<ListenAddress>,
}

fn main() -> ExitCode {
    let args = match parse_args::<Args>() {
        Ok(args) => args,
        Err(status) => return status,
    };
    let _log = log_to_stderr();
    keep_freed_memory();
    raise_open_files(defaults::FILES);
    let relay = match Relay::load(&args.into()) {
        Ok(relay) => relay,
        Err(error) => return fail(UNUSABLE, format!("error: {error}")),
    };
    match run(relay) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, format!("error: {error:#}")),
    }
}

impl From<Args> for RelayConfig {
    fn from(args: Args) -> Self {
        let Args { listen, redis, redis_prefix, certs, name, ops } = args;
        Self { listen, redis, redis_prefix, certs, name, ops }
    }
}

/// Runs the relay on this thread until a signal stops it.
fn run(relay: Relay) -> anyhow::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = stop_signal().context("cannot listen to signals")?;
        announce(relay.name(), relay.address());
        relay.run(stop).await.map_err(Into::into)
    })
}
