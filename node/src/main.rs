//! `trunkline-node`: serves clients' sessions and takes custody of what they send.

use std::{num::NonZeroU32, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use tokio::runtime;
use trunkline_node::{AllowedOrigin, AuthMode, Node, NodeConfig, defaults};
use trunkline_ops::{
    DialAddress, FAILED, ListenAddress, SecretUrl, UNUSABLE, announce, fail, keep_freed_memory,
    log_to_stderr, number_in, parse_args, raise_open_files, stop_signal,
};
use trunkline_protocol::Name;

/// Serves clients' WebSocket sessions, and delivers what they send to users on any node.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: trunkline-node --name node-1 --listen 127.0.0.1:9001 --relay 127.0.0.1:7400 --certs certs"
)]
struct Args {
    /// The node's name, a DNS label, as in its certificate.
    #[arg(long, env = "TRUNKLINE_NAME", value_name = "NAME")]
    name: Name,
    /// The TCP address for clients, HOST:PORT; port 0 asks for a free port.
    #[arg(long, env = "TRUNKLINE_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:9001")]
    listen: ListenAddress,
    /// The relay's address, HOST:PORT.
    #[arg(long, env = "TRUNKLINE_RELAY", value_name = "ADDR", default_value = "127.0.0.1:7400")]
    relay: DialAddress,
    /// The URL of Redis.
    #[arg(
        long,
        env = "TRUNKLINE_REDIS",
        value_name = "URL",
        default_value = "redis://127.0.0.1:6379"
    )]
    redis: SecretUrl,
    /// The prefix of all keys in Redis.
    #[arg(long, env = "TRUNKLINE_REDIS_PREFIX", value_name = "PREFIX", default_value = trunkline_directory::defaults::KEY_PREFIX)]
    redis_prefix: String,
    /// The folder with ca.pem, node/NAME.pem and node/NAME.key.
    #[arg(long, env = "TRUNKLINE_CERTS", value_name = "DIR")]
    certs: PathBuf,
    /// How many sessions to accept.
    #[arg(long, env = "TRUNKLINE_CAPACITY", value_name = "COUNT", default_value_t = defaults::CAPACITY,
          value_parser = number_in(defaults::CAPACITY_BOUNDS))]
    capacity: u32,
    /// Who may log in: everyone (the default on loopback), or clients with a token.
    #[arg(long, env = "TRUNKLINE_AUTH", value_name = "MODE")]
    auth: Option<Auth>,
    /// The file with the secret that signs tokens (HS256).
    #[arg(long, env = "TRUNKLINE_JWT_SECRET_FILE", value_name = "FILE")]
    jwt_secret_file: Option<PathBuf>,
    /// The origins whose web pages may connect, such as https://chat.example; `*` for all. The default
    /// is those of this machine on loopback with open logins, and all elsewhere.
    #[arg(long, env = "TRUNKLINE_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    allowed_origins: Vec<AllowedOrigin>,
    /// The URL that clients dial, if it differs from the listening address.
    #[arg(long, env = "TRUNKLINE_ADVERTISE", value_name = "URL")]
    advertise: Option<String>,
    /// The TCP address of /healthz, /readyz and /metrics, HOST:PORT.
    #[arg(long, env = "TRUNKLINE_OPS", value_name = "ADDR")]
    ops: Option<ListenAddress>,
    /// The largest frame that a client may send, in bytes.
    #[arg(long, env = "TRUNKLINE_MAX_FRAME", value_name = "BYTES", default_value_t = defaults::FRAME_BYTES_MAX,
          value_parser = number_in(defaults::FRAME_BYTES_MAX_BOUNDS))]
    max_frame: usize,
    /// How many sessions a user may have on this node; a new one replaces the oldest. With 1, the
    /// newest login anywhere in the cluster replaces all others.
    #[arg(long, env = "TRUNKLINE_SESSIONS_PER_USER", value_name = "COUNT", default_value_t = defaults::SESSIONS_PER_USER,
          value_parser = number_in(defaults::SESSIONS_PER_USER_BOUNDS))]
    sessions_per_user: usize,
    /// How many messages a second a session may send.
    #[arg(long, env = "TRUNKLINE_MESSAGES_PER_SECOND", value_name = "COUNT",
          value_parser = number_in(NonZeroU32::MIN..=NonZeroU32::MAX))]
    messages_per_second: Option<NonZeroU32>,
    /// How long a send may wait for its outcome, in milliseconds.
    #[arg(long, env = "TRUNKLINE_DEADLINE", value_name = "MS",
          default_value_t = defaults::SEND_DEADLINE.as_millis() as u64,
          value_parser = number_in(defaults::SEND_DEADLINE_MS_BOUNDS))]
    deadline: u64,
    /// A session that is silent for this many seconds is pinged, and after twice as long it is closed.
    /// Use less than the idle timeout of any proxy in front of the node.
    #[arg(long, env = "TRUNKLINE_PING_INTERVAL", value_name = "SECONDS",
          default_value_t = defaults::PING_INTERVAL.as_secs(),
          value_parser = number_in(defaults::PING_INTERVAL_SECONDS_BOUNDS))]
    ping_interval: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Auth {
    /// Everyone, as any user.
    Open,
    /// Clients with a JSON Web Token (HS256) that has the user as its subject.
    Jwt,
}

impl From<Args> for NodeConfig {
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

/// Runs the node on this thread until it is asked to stop.
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
    // A pending look-up of a host name may take half a minute.
    runtime.shutdown_background();
    ended
}
