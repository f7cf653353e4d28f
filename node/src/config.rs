//! What a node is told at its start.

use std::{io, net::SocketAddr, num::NonZeroU32, path::PathBuf, str::FromStr, time::Duration};

use thiserror::Error;
use trunkline_certs::CertsError;
use trunkline_link::BindError;
use trunkline_protocol::{Name, lane::BODY_BYTES_MAX};

use crate::defaults::PING_INTERVAL_SECONDS_MAX;

/// What a node needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node's name, as in its certificate.
    pub name: Name,
    /// The TCP address that clients dial. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The relay's address.
    pub relay: RelayAddress,
    /// The URL of Redis.
    pub redis: String,
    /// What all keys in Redis begin with.
    pub redis_prefix: String,
    /// The folder of `ca.pem` and `node/<name>.pem`, `node/<name>.key`.
    pub certs: PathBuf,
    /// How many sessions it takes.
    pub capacity: u32,
    /// Who may log in; `None` where the address says it: anybody, on loopback.
    pub auth: Option<AuthMode>,
    /// The secret that tokens are signed with.
    pub jwt_secret_file: Option<PathBuf>,
    /// The URL that clients are told; `None` where the address says it.
    pub advertise: Option<String>,
    /// The TCP address of `/healthz`, `/readyz` and `/metrics`, if they are wanted.
    pub ops: Option<SocketAddr>,
    /// The largest frame that a client may send, in bytes.
    pub frame_bytes_max: usize,
    /// How many sessions a user may have on this node.
    pub sessions_per_user: usize,
    /// How many sends a second a session may make, if there is a limit.
    pub messages_per_second: Option<NonZeroU32>,
    /// How long a send may take to its outcome.
    pub deadline: Duration,
    /// After how long a silence a session is pinged. One that is silent for two intervals is ended.
    pub ping_interval: Duration,
}

/// Who may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Anybody, as anyone.
    Open,
    /// Whoever shows a token.
    Jwt,
}

/// Why a node cannot start. Every text is one line that names the flag and the mend.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The certificates cannot be used.
    #[error("--certs: {0}")]
    Certs(#[from] CertsError),
    /// Redis' URL or the prefix cannot be used.
    #[error("{flag}: {0}", flag = flag(.0))]
    Directory(#[from] trunkline_directory::ConfigError),
    /// The address is not loopback, and nobody said who may log in.
    #[error(
        "--auth: say who may log in, as {0} is not a loopback address: --auth jwt, or --auth open to let anybody log in as anyone"
    )]
    AuthMissing(SocketAddr),
    /// Tokens are to be checked, and nobody said against what.
    #[error(
        "--jwt-secret-file: --auth jwt needs the file with the secret that tokens are signed with"
    )]
    SecretMissing,
    /// The secret cannot be used.
    #[error(
        "--jwt-secret-file: cannot use {file}: {reason}; it holds the secret that tokens are signed with (HS256)"
    )]
    Secret {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The address says nothing to clients, and nobody said what to tell them.
    #[error(
        "--advertise: {0} is no address that clients can dial: give the URL that they can, such as ws://chat-1.example:9001/ws"
    )]
    AdvertiseMissing(SocketAddr),
    /// The URL is none that clients can dial.
    #[error("--advertise: {0:?} is no WebSocket URL: it begins with ws:// or wss://")]
    Advertise(String),
    /// A number is out of its bounds.
    #[error("{flag}: {given} is out of bounds: give {least} to {most}")]
    OutOfBounds {
        /// Which flag.
        flag: &'static str,
        /// What was given.
        given: usize,
        /// The least that is allowed.
        least: usize,
        /// The most.
        most: usize,
    },
    /// The client address cannot be had.
    #[error(
        "--listen: cannot bind TCP {address}: {source}; stop what has it, or take another address"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The TCP address of the operations endpoint cannot be had.
    #[error(
        "--ops: cannot bind TCP {address}: {source}; stop what has it, or take another address"
    )]
    Ops {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No UDP socket can be had to dial the relay with.
    #[error("cannot open a socket to dial the relay: {0}")]
    Socket(#[from] BindError),
}

/// Where a relay is: `HOST:PORT`. The host is resolved anew at each dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayAddress(String);

/// Why a string is not a [`RelayAddress`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is no relay's address: give HOST:PORT, such as 127.0.0.1:7400")]
pub struct BadRelayAddress(String);

impl RelayAddress {
    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RelayAddress {
    type Err = BadRelayAddress;

    fn from_str(text: &str) -> Result<Self, BadRelayAddress> {
        let parts = text.rsplit_once(':');
        let fits = parts.is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if fits { Ok(Self(text.to_owned())) } else { Err(BadRelayAddress(text.to_owned())) }
    }
}

fn flag(error: &trunkline_directory::ConfigError) -> &'static str {
    match error {
        trunkline_directory::ConfigError::Url(_) => "--redis",
        trunkline_directory::ConfigError::Prefix(_) => "--redis-prefix",
    }
}

impl Config {
    /// Checks what can be checked without touching anything.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        within("--capacity", self.capacity as usize, 1, 1_000_000)?;
        within("--max-frame", self.frame_bytes_max, 256, BODY_BYTES_MAX)?;
        within("--sessions-per-user", self.sessions_per_user, 1, 1_000)?;
        within("--deadline", self.deadline.as_millis() as usize, 100, 600_000)?;
        let (seconds, most) = (self.ping_interval.as_secs(), PING_INTERVAL_SECONDS_MAX);
        within("--ping-interval", seconds as usize, 1, most as usize)
    }

    /// Who may log in, by word or by address.
    pub(crate) fn auth(&self) -> Result<AuthMode, ConfigError> {
        match self.auth {
            Some(mode) => Ok(mode),
            None if self.listen.ip().is_loopback() => Ok(AuthMode::Open),
            None => Err(ConfigError::AuthMissing(self.listen)),
        }
    }

    /// The URL that clients are told. `bound` is the address with its real port.
    pub(crate) fn url(&self, bound: SocketAddr) -> Result<String, ConfigError> {
        match &self.advertise {
            Some(url) if url.starts_with("ws://") || url.starts_with("wss://") => Ok(url.clone()),
            Some(url) => Err(ConfigError::Advertise(url.clone())),
            None if self.listen.ip().is_unspecified() => {
                Err(ConfigError::AdvertiseMissing(self.listen))
            }
            None => Ok(format!("ws://{bound}/ws")),
        }
    }
}

fn within(flag: &'static str, given: usize, least: usize, most: usize) -> Result<(), ConfigError> {
    if (least..=most).contains(&given) {
        Ok(())
    } else {
        Err(ConfigError::OutOfBounds { flag, given, least, most })
    }
}
