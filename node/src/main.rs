//! `trunkline-node`: holds clients' sessions and takes custody of what they send.

use std::{num::NonZeroU32, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use tokio::runtime;
use trunkline_node::{AllowedOrigin, AuthMode, Config, Node, defaults};
use trunkline_ops::{
    DialAddress, FAILED, ListenAddress, SecretUrl, UNUSABLE, announce, fail, keep_freed_memory,
    log_to_stderr, number_in, parse_args, raise_open_files, stop_signal,
};
use trunkline_protocol::Name;

/// Holds clients' WebSocket sessions, and delivers what they send to users on any node.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The node's name, a DNS label, as in its certificate.
    #[arg(long, env = "TRUNKLINE_NAME")]
    name: Name,
    /// The TCP address that clients dial, HOST:PORT; port 0 takes a free one.
    #[arg(long, env = "TRUNKLINE_LISTEN", default_value = "127.0.0.1:9001")]
    listen: ListenAddress,
    /// The relay's address, HOST:PORT.
    #[arg(long, env = "TRUNKLINE_RELAY", default_value = "127.0.0.1:7400")]
    relay: DialAddress,
    /// The URL of Redis.
    #[arg(long, env = "TRUNKLINE_REDIS", default_value = "redis://127.0.0.1:6379")]
    redis: SecretUrl,
    /// What all keys in Redis begin with.
    #[arg(long, env = "TRUNKLINE_REDIS_PREFIX", default_value = "trunkline")]
    redis_prefix: String,
    /// The folder with ca.pem, node/NAME.pem and node/NAME.key.
    #[arg(long, env = "TRUNKLINE_CERTS")]
    certs: PathBuf,
    /// How many sessions to take.
    #[arg(long, env = "TRUNKLINE_CAPACITY", default_value_t = defaults::CAPACITY,
          value_parser = number_in(defaults::CAPACITY_BOUNDS))]
    capacity: u32,
    /// Who may log in: anybody (the default on loopback), or who shows a token.
    #[arg(long, env = "TRUNKLINE_AUTH")]
    auth: Option<Auth>,
    /// The file with the secret that tokens are signed with (HS256).
    #[arg(long, env = "TRUNKLINE_JWT_SECRET_FILE")]
    jwt_secret_file: Option<PathBuf>,
    /// The origins whose web pages may connect, such as https://chat.example; `*` for all. Where
    /// anybody may log in at a loopback address, it is only those of this machine unless this says
    /// otherwise; else it is all.
    #[arg(long, env = "TRUNKLINE_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    allowed_origins: Vec<AllowedOrigin>,
    /// The URL that clients are told to dial, if not the address that is listened on.
    #[arg(long, env = "TRUNKLINE_ADVERTISE")]
    advertise: Option<String>,
    /// The TCP address of /healthz, /readyz and /metrics, HOST:PORT.
    #[arg(long, env = "TRUNKLINE_OPS")]
    ops: Option<ListenAddress>,
    /// The largest frame that a client may send, in bytes.
    #[arg(long, env = "TRUNKLINE_MAX_FRAME", default_value_t = defaults::FRAME_BYTES_MAX,
          value_parser = number_in(defaults::FRAME_BYTES_MAX_BOUNDS))]
    max_frame: usize,
    /// How many sessions a user may have here; the oldest is replaced. With 1, the newest login
    /// anywhere in the cluster replaces the others.
    #[arg(long, env = "TRUNKLINE_SESSIONS_PER_USER", default_value_t = defaults::SESSIONS_PER_USER,
          value_parser = number_in(defaults::SESSIONS_PER_USER_BOUNDS))]
    sessions_per_user: usize,
    /// How many messages a second a session may send.
    #[arg(long, env = "TRUNKLINE_MESSAGES_PER_SECOND",
          value_parser = number_in(NonZeroU32::MIN..=NonZeroU32::MAX))]
    messages_per_second: Option<NonZeroU32>,
    /// How long a send may take to its outcome, in milliseconds.
    #[arg(long, env = "TRUNKLINE_DEADLINE", value_name = "MS",
          default_value_t = defaults::SEND_DEADLINE.as_millis() as u64,
          value_parser = number_in(defaults::SEND_DEADLINE_MS_BOUNDS))]
    deadline: u64,
    /// After how many seconds of silence a session is pinged; one that is silent for twice as long
    /// is ended. Less than the idle time-out of any proxy in front of the node.
    #[arg(long, env = "TRUNKLINE_PING_INTERVAL", value_name = "SECONDS",
          default_value_t = defaults::PING_INTERVAL.as_secs(),
          value_parser = number_in(defaults::PING_INTERVAL_SECONDS_BOUNDS))]
    ping_interval: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Auth {
    /// Anybody, as anyone.
    Open,
    /// Whoever shows a JSON Web Token (HS256) with the user as its subject.
    Jwt,
}

impl From<Args> for Config {
    fn from(args: Args) -> Self {
        Self {
            name: args.name,
            listen: args.listen,
            relay: args.relay,
            redis: args.redis,
            redis_prefix: args.redis_prefix,
            certs: args.certs,
            capacity: args.capacity,
            auth: args.auth.map(|auth| match auth {
                Auth::Open => AuthMode::Open,
                Auth::Jwt => AuthMode::Jwt,
            }),
            jwt_secret_file: args.jwt_secret_file,
            allowed_origins: args.allowed_origins,
            advertise: args.advertise,
            ops: args.ops,
            frame_bytes_max: args.max_frame,
            sessions_per_user: args.sessions_per_user,
            messages_per_second: args.messages_per_second,
            deadline: Duration::from_millis(args.deadline),
            ping_interval: Duration::from_secs(args.ping_interval),
        }
    }
}

fn main() -> ExitCode {
    let args = match parse_args::<Args>() {
        Ok(args) => args,
        Err(status) => return status,
    };
    let _log = log_to_stderr();
    keep_freed_memory();
    raise_open_files(u64::from(args.capacity) + defaults::OTHER_FILES);
    let node = match Node::load(args.into()) {
        Ok(node) => node,
        Err(error) => return fail(UNUSABLE, format!("error: {error}")),
    };
    match run(node) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, format!("error: {error:#}")),
    }
}

/// Runs the node on this thread until it is told to stop.
fn run(node: Node) -> anyhow::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_io_events_per_tick(defaults::SOCKETS_PER_TURN)
        .build()?;
    let ended = runtime.block_on(async {
        let stop = stop_signal().context("cannot listen to signals")?;
        announce(node.name(), node.url());
        Ok(node.run(stop).await?)
    });
    // A look-up of a name that is still under way may take half a minute.
    runtime.shutdown_background();
    ended
}
