//! What a relay is told at its start.

use std::path::PathBuf;

use thiserror::Error;
use trunkline_certs::CertsError;
use trunkline_ops::{BindFailed, ListenAddress, SecretUrl};
use trunkline_protocol::Name;

/// What a relay needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The UDP address that nodes and operators dial. Port 0 takes a free one.
    pub listen: ListenAddress,
    /// The URL of Redis.
    pub redis: SecretUrl,
    /// What all keys in Redis begin with.
    pub redis_prefix: String,
    /// The folder of `ca.pem` and `relay/<name>.pem`, `relay/<name>.key`.
    pub certs: PathBuf,
    /// The relay's name.
    pub name: Name,
    /// The TCP address of `/healthz`, `/readyz` and `/metrics`, if they are wanted.
    pub ops: Option<ListenAddress>,
}

/// Why a relay cannot start. Every text is one line that names the flag and the mend.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The certificates cannot be used.
    #[error("--certs: {0}")]
    Certs(#[from] CertsError),
    /// Redis' URL or the prefix cannot be used.
    #[error("{flag}: {0}", flag = flag(.0))]
    Directory(#[from] trunkline_directory::ConfigError),
    /// The UDP address cannot be had.
    #[error("--listen: {0}")]
    Listen(#[source] BindFailed),
    /// The TCP address of the operations endpoint cannot be had.
    #[error("--ops: {0}")]
    Ops(#[source] BindFailed),
}

fn flag(error: &trunkline_directory::ConfigError) -> &'static str {
    match error {
        trunkline_directory::ConfigError::Url(_) => "--redis",
        trunkline_directory::ConfigError::Prefix(_) => "--redis-prefix",
    }
}
