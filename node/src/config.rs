//! What a node is told at its start.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use thiserror::Error;
use trunkline_certs::CertsError;
use trunkline_link::BindError;
use trunkline_ops::{BindFailed, DialAddress, ListenAddress, SecretUrl};
use trunkline_protocol::Name;

use crate::{
    advertise::{self, BadUrl},
    origins::{AllowedOrigin, Origins},
};

/// What a node needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node's name, as in its certificate.
    pub name: Name,
    /// The TCP address that clients dial. Port 0 takes a free one.
    pub listen: ListenAddress,
    /// The relay's address.
    pub relay: DialAddress,
    /// The URL of Redis.
    pub redis: SecretUrl,
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
    /// The origins whose pages may connect; empty where the other settings say it: on loopback with
    /// open logins only this machine's own, else all.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// The URL that clients are told; `None` where the address says it.
    pub advertise: Option<String>,
    /// The TCP address of `/healthz`, `/readyz` and `/metrics`, if they are wanted.
    pub ops: Option<ListenAddress>,
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
        "--jwt-secret-file: {file} {reason}; give the file with the secret that tokens are signed with (HS256)"
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
    #[error("--advertise: {0}")]
    Advertise(#[from] BadUrl),
    /// The client address cannot be had.
    #[error("--listen: {0}")]
    Listen(#[source] BindFailed),
    /// The TCP address of the operations endpoint cannot be had.
    #[error("--ops: {0}")]
    Ops(#[source] BindFailed),
    /// No UDP socket can be had to dial the relay with.
    #[error("cannot open a socket to dial the relay: {0}")]
    Socket(#[from] BindError),
}

fn flag(error: &trunkline_directory::ConfigError) -> &'static str {
    match error {
        trunkline_directory::ConfigError::Url(_) => "--redis",
        trunkline_directory::ConfigError::Prefix(_) => "--redis-prefix",
    }
}

impl Config {
    /// Who may log in, by word or by the address that is listened on.
    pub(crate) fn auth(&self, bound: SocketAddr) -> Result<AuthMode, ConfigError> {
        match self.auth {
            Some(mode) => Ok(mode),
            None if bound.ip().is_loopback() => Ok(AuthMode::Open),
            None => Err(ConfigError::AuthMissing(bound)),
        }
    }

    /// Which web pages may connect, by word or by the address that clients dial.
    pub(crate) fn origins(&self, auth: AuthMode, bound: SocketAddr) -> Origins {
        let is_open_here = auth == AuthMode::Open && bound.ip().is_loopback();
        match &self.allowed_origins[..] {
            [] if is_open_here => Origins::Loopback,
            [] => Origins::Any,
            listed => Origins::Listed(listed.to_vec()),
        }
    }

    /// The URL that clients are told, if they dial `bound`.
    pub(crate) fn url(&self, bound: SocketAddr) -> Result<String, ConfigError> {
        match &self.advertise {
            Some(url) => {
                advertise::check(url)?;
                Ok(url.clone())
            }
            None if bound.ip().is_unspecified() => Err(ConfigError::AdvertiseMissing(bound)),
            None => Ok(format!("ws://{bound}/ws")),
        }
    }
}
