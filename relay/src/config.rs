//! The configuration of a relay.

use std::path::PathBuf;

use thiserror::Error;
use trunkline_certs::CertsError;
use trunkline_directory::ConfigError as DirectoryConfigError;
use trunkline_ops::{BindFailed, ListenAddress, SecretUrl};
use trunkline_protocol::Name;

/// The configuration of a relay.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// The UDP address that nodes and operators dial. Port 0 takes a free one.
    pub listen: ListenAddress,
    /// The URL of Redis.
    pub redis: SecretUrl,
    /// The prefix of all keys in Redis.
    pub redis_prefix: String,
    /// The folder of `ca.pem` and `relay/<name>.pem`, `relay/<name>.key`.
    pub certs: PathBuf,
    /// The relay's name.
    pub name: Name,
    /// The TCP address of `/healthz`, `/readyz` and `/metrics`; `None` serves none of them.
    pub ops: Option<ListenAddress>,
}

/// Why a relay cannot start. Every text is one line that names the flag and the remedy.
#[derive(Debug, Error)]
pub enum RelayConfigError {
    /// The certificates cannot be used.
    #[error("--certs: {0}")]
    Certs(#[from] CertsError),
    /// Redis' URL or the prefix cannot be used.
    #[error("{flag}: {0}", flag = flag(.0))]
    Directory(#[from] DirectoryConfigError),
    /// The UDP address cannot be bound.
    #[error("--listen: {0}")]
    Listen(#[source] BindFailed),
    /// The TCP address of the operations endpoint cannot be bound.
    #[error("--ops: {0}")]
    Ops(#[source] BindFailed),
}

fn flag(error: &DirectoryConfigError) -> &'static str {
    match error {
        DirectoryConfigError::Url(_) => "--redis",
        DirectoryConfigError::Prefix(_) => "--redis-prefix",
    }
}
