//! The configuration of a node.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use clap::{Parser, ValueEnum};
use thiserror::Error;
use trunkline_certs::CertsError;
use trunkline_link::BindError;
use trunkline_ops::{BindFailed, DialAddress, ListenAddress, SecretUrl, number_in};
use trunkline_protocol::Name;

use crate::{
    advertise::{BadUrl, check_url},
    client_socket::{ServerTls, TlsFiles, TlsFilesError},
    defaults,
    edge::{Auth, KeyFiles, SendRates, TokenKeyError},
    origins::{AllowedOrigin, Origins},
};

/// Serves clients' WebSocket sessions, and delivers what they send to users on any node.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    after_help = "Example: trunkline-node --name node-1 --listen 127.0.0.1:9001 --relay 127.0.0.1:7400 --certs certs"
)]
pub struct NodeConfig {
    /// The node's name, a DNS label, as in its certificate.
    #[arg(long, env = "TRUNKLINE_NAME", value_name = "NAME")]
    pub name: Name,
    /// The TCP address for clients, HOST:PORT; port 0 asks for a free port.
    #[arg(long, env = "TRUNKLINE_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:9001")]
    pub listen: ListenAddress,
    /// The relay's address, HOST:PORT.
    #[arg(long, env = "TRUNKLINE_RELAY", value_name = "ADDR", default_value = "127.0.0.1:7400")]
    pub relay: DialAddress,
    /// The URL of Redis.
    #[arg(
        long,
        env = "TRUNKLINE_REDIS",
        value_name = "URL",
        default_value = "redis://127.0.0.1:6379"
    )]
    pub redis: SecretUrl,
    /// The prefix of all keys in Redis.
    #[arg(long, env = "TRUNKLINE_REDIS_PREFIX", value_name = "PREFIX", default_value = trunkline_directory::defaults::KEY_PREFIX)]
    pub redis_prefix: String,
    /// The folder with ca.pem, node/NAME.pem and node/NAME.key.
    #[arg(long, env = "TRUNKLINE_CERTS", value_name = "DIR")]
    pub certs: PathBuf,
    /// How many sessions to accept.
    #[arg(long, env = "TRUNKLINE_CAPACITY", value_name = "COUNT", default_value_t = defaults::CAPACITY,
          value_parser = number_in(defaults::CAPACITY_BOUNDS))]
    pub capacity: u32,
    /// Who may log in: everyone (the default on loopback), or clients with a token.
    #[arg(long, env = "TRUNKLINE_AUTH", value_name = "MODE")]
    pub auth: Option<AuthMode>,
    /// A file with a secret that signs tokens (HS256): 32 random bytes. Give several, separated by
    /// commas, while one replaces another.
    #[arg(long, env = "TRUNKLINE_JWT_SECRET_FILE", value_name = "FILE", value_delimiter = ',')]
    pub jwt_secret_file: Vec<PathBuf>,
    /// A PEM file with a public key that verifies tokens: RSA (RS256, PS256), P-256 (ES256) or Ed25519
    /// (EdDSA).
    #[arg(long, env = "TRUNKLINE_JWT_PUBLIC_KEY_FILE", value_name = "FILE", value_delimiter = ',')]
    pub jwt_public_key_file: Vec<PathBuf>,
    /// A file with the public keys of an issuer as a JSON Web Key Set.
    #[arg(long, env = "TRUNKLINE_JWKS_FILE", value_name = "FILE", value_delimiter = ',')]
    pub jwks_file: Vec<PathBuf>,
    /// The audience that a token must name (`aud`); one of several, separated by commas.
    #[arg(long, env = "TRUNKLINE_JWT_AUDIENCE", value_name = "NAME", value_delimiter = ',')]
    pub jwt_audience: Vec<String>,
    /// The issuer that a token must come from (`iss`); one of several, separated by commas.
    #[arg(long, env = "TRUNKLINE_JWT_ISSUER", value_name = "NAME", value_delimiter = ',')]
    pub jwt_issuer: Vec<String>,
    /// The PEM file with the certificate that clients see, for wss:// URLs.
    #[arg(long, env = "TRUNKLINE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The PEM file with its private key.
    #[arg(long, env = "TRUNKLINE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The origins whose web pages may connect, such as `https://chat.example`; `*` for all. The default
    /// is those of this machine on loopback with open logins, and all elsewhere.
    #[arg(long, env = "TRUNKLINE_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub allowed_origins: Vec<AllowedOrigin>,
    /// Whether `GET /` shows a page to try the node with.
    #[arg(long, env = "TRUNKLINE_PAGE", value_name = "MODE", default_value = "on")]
    pub page: PageMode,
    /// The URL that clients dial, if it differs from the listening address.
    #[arg(long, env = "TRUNKLINE_ADVERTISE", value_name = "URL")]
    pub advertise: Option<String>,
    /// The TCP address of /healthz, /readyz and /metrics, HOST:PORT.
    #[arg(long, env = "TRUNKLINE_OPS", value_name = "ADDR")]
    pub ops: Option<ListenAddress>,
    /// The largest frame that a client may send, in bytes.
    #[arg(long = "max-frame", env = "TRUNKLINE_MAX_FRAME", value_name = "BYTES",
          default_value_t = defaults::FRAME_BYTES_MAX,
          value_parser = number_in(defaults::FRAME_BYTES_MAX_BOUNDS))]
    pub frame_bytes_max: usize,
    /// How many sessions a user may have on this node; a new one replaces the oldest. With 1, the
    /// newest login anywhere in the cluster replaces all others.
    #[arg(long, env = "TRUNKLINE_SESSIONS_PER_USER", value_name = "COUNT", default_value_t = defaults::SESSIONS_PER_USER,
          value_parser = number_in(defaults::SESSIONS_PER_USER_BOUNDS))]
    pub sessions_per_user: usize,
    /// How many messages a second a session may send; 0 for no limit.
    #[arg(long, env = "TRUNKLINE_MESSAGES_PER_SECOND", value_name = "COUNT",
          default_value_t = defaults::MESSAGES_PER_SECOND)]
    pub messages_per_second: u32,
    /// How many bytes a second a session may send; 0 for no limit.
    #[arg(long, env = "TRUNKLINE_BYTES_PER_SECOND", value_name = "BYTES",
          default_value_t = defaults::BYTES_PER_SECOND)]
    pub bytes_per_second: u32,
    /// How long a send may wait for its outcome, in milliseconds.
    #[arg(long = "deadline", env = "TRUNKLINE_DEADLINE", value_name = "MS",
          default_value_t = defaults::SEND_DEADLINE.as_millis() as u64,
          value_parser = number_in(defaults::SEND_DEADLINE_MS_BOUNDS))]
    pub deadline_ms: u64,
    /// A session that is silent for this many seconds is pinged, and after twice as long it is closed.
    /// Use less than the idle timeout of any proxy in front of the node.
    #[arg(long = "ping-interval", env = "TRUNKLINE_PING_INTERVAL", value_name = "SECONDS",
          default_value_t = defaults::PING_INTERVAL.as_secs(),
          value_parser = number_in(defaults::PING_INTERVAL_SECONDS_BOUNDS))]
    pub ping_interval_seconds: u64,
}

/// Who may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// Everyone, as any user.
    Open,
    /// Clients with a JSON Web Token that has the user as its subject.
    Jwt,
}

/// Whether there is a page to try the node with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PageMode {
    /// There is.
    On,
    /// There is none.
    Off,
}

/// Why a node cannot start. Each message is one line that names the flag and the remedy.
#[derive(Debug, Error)]
pub enum NodeConfigError {
    /// The certificates cannot be used.
    #[error("--certs: {0}")]
    Certs(#[from] CertsError),
    /// The URL of Redis or the prefix cannot be used.
    #[error("{flag}: {0}", flag = flag(.0))]
    Directory(#[from] trunkline_directory::ConfigError),
    /// The address is not loopback, and `--auth` is missing.
    #[error(
        "--auth is required because {0} is not a loopback address: use --auth jwt, or --auth open to let everyone log in as any user"
    )]
    AuthMissing(SocketAddr),
    /// `--auth jwt` without a key.
    #[error(
        "--jwt-secret-file, --jwt-public-key-file or --jwks-file is required by --auth jwt: give the file with what verifies tokens"
    )]
    TokenKeyMissing,
    /// The certificate for clients, or its key, cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFilesError),
    /// A file with keys for tokens cannot be used.
    #[error(transparent)]
    TokenKey(#[from] TokenKeyError),
    /// Clients cannot dial the address, and `--advertise` is missing.
    #[error(
        "--advertise is required because clients cannot dial {0}: give the URL that they dial, such as ws://chat-1.example:9001/ws"
    )]
    AdvertiseMissing(SocketAddr),
    /// Clients cannot dial the URL.
    #[error("--advertise: {0}")]
    Advertise(#[from] BadUrl),
    /// Nothing can listen on the address for clients.
    #[error("--listen: {0}")]
    Listen(#[source] BindFailed),
    /// Nothing can listen on the address of the operations endpoint.
    #[error("--ops: {0}")]
    Ops(#[source] BindFailed),
    /// No UDP socket can be opened to dial the relay.
    #[error("cannot open a socket to dial the relay: {0}")]
    Socket(#[from] BindError),
}

fn flag(error: &trunkline_directory::ConfigError) -> &'static str {
    match error {
        trunkline_directory::ConfigError::Url(_) => "--redis",
        trunkline_directory::ConfigError::Prefix(_) => "--redis-prefix",
    }
}

impl NodeConfig {
    /// Who may log in at `bound`.
    pub(crate) fn auth(&self, bound: SocketAddr) -> Result<AuthMode, NodeConfigError> {
        match self.auth {
            Some(mode) => Ok(mode),
            None if bound.ip().is_loopback() => Ok(AuthMode::Open),
            None => Err(NodeConfigError::AuthMissing(bound)),
        }
    }

    /// TLS for clients, if they are to use it.
    pub(crate) fn tls(&self) -> Result<Option<ServerTls>, NodeConfigError> {
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        let files = files.map(|(certificate, key)| TlsFiles { certificate, key });
        Ok(files.map(ServerTls::load).transpose()?)
    }

    /// How much each session may send.
    pub(crate) fn send_rates(&self) -> SendRates {
        SendRates {
            messages_per_second: NonZeroU32::new(self.messages_per_second),
            bytes_per_second: NonZeroU32::new(self.bytes_per_second),
        }
    }

    /// How logins are checked.
    pub(crate) fn token_check(&self, mode: AuthMode) -> Result<Auth, NodeConfigError> {
        let files = KeyFiles {
            secrets: self.jwt_secret_file.clone(),
            public_keys: self.jwt_public_key_file.clone(),
            key_sets: self.jwks_file.clone(),
        };
        match mode {
            AuthMode::Open => Ok(Auth::Open),
            AuthMode::Jwt if files.paths().next().is_none() => {
                Err(NodeConfigError::TokenKeyMissing)
            }
            AuthMode::Jwt => Ok(Auth::jwt(files, &self.jwt_audience, &self.jwt_issuer)?),
        }
    }

    /// Which web pages may connect to `bound`.
    pub(crate) fn origins(&self, auth: AuthMode, bound: SocketAddr) -> Origins {
        let is_open_here = auth == AuthMode::Open && bound.ip().is_loopback();
        match &self.allowed_origins[..] {
            [] if is_open_here => Origins::Loopback,
            [] => Origins::Any,
            listed => Origins::Listed(listed.to_vec()),
        }
    }

    /// The URL of `bound` for clients.
    pub(crate) fn url(&self, bound: SocketAddr) -> Result<String, NodeConfigError> {
        match &self.advertise {
            Some(url) => {
                check_url(url)?;
                Ok(url.clone())
            }
            None if bound.ip().is_unspecified() => Err(NodeConfigError::AdvertiseMissing(bound)),
            None => {
                let scheme = if self.tls_cert.is_some() { "wss" } else { "ws" };
                Ok(format!("{scheme}://{bound}/ws"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1:9001";
    const PUBLIC: &str = "192.0.2.1:9001";
    const WILDCARD: &str = "0.0.0.0:9001";

    fn config() -> NodeConfig {
        NodeConfig::parse_from(["trunkline-node", "--name=node-1", "--certs=certs"])
    }

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn logins_are_open_by_default_only_on_loopback() {
        assert_eq!(config().auth(at(LOOPBACK)).unwrap(), AuthMode::Open);
        let error = config().auth(at(PUBLIC)).unwrap_err();
        assert!(matches!(error, NodeConfigError::AuthMissing(_)));
        let open = NodeConfig { auth: Some(AuthMode::Open), ..config() };
        assert_eq!(open.auth(at(PUBLIC)).unwrap(), AuthMode::Open);
    }

    #[test]
    fn foreign_pages_are_excluded_only_from_open_loopback() {
        for (auth, address, is_loopback) in [
            (AuthMode::Open, LOOPBACK, true),
            (AuthMode::Jwt, LOOPBACK, false),
            (AuthMode::Open, PUBLIC, false),
        ] {
            let origins = config().origins(auth, at(address));
            assert_eq!(matches!(origins, Origins::Loopback), is_loopback, "{auth:?} {address}");
        }
        let allowed_origins = vec!["https://chat.example".parse().unwrap()];
        let listed = NodeConfig { allowed_origins, ..config() };
        let origins = listed.origins(AuthMode::Open, at(LOOPBACK));
        assert!(matches!(origins, Origins::Listed(_)));
    }

    #[test]
    fn wildcard_address_requires_a_url() {
        assert_eq!(config().url(at(PUBLIC)).unwrap(), "ws://192.0.2.1:9001/ws");
        let error = config().url(at(WILDCARD)).unwrap_err();
        assert!(matches!(error, NodeConfigError::AdvertiseMissing(_)));
        let advertise = Some("wss://chat.example/ws".to_owned());
        let advertised = NodeConfig { advertise, ..config() };
        assert_eq!(advertised.url(at(WILDCARD)).unwrap(), "wss://chat.example/ws");
    }
}
