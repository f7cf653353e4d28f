//! Why a local cluster could not be started or stopped.

use std::{io, path::PathBuf};

use thiserror::Error;
use trunkline_certs::CertsError;
use trunkline_protocol::BadName;

/// Why a cluster, or a member of it, did not start or stop.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// A file or folder of the cluster cannot be created or read.
    #[error("a file of the cluster cannot be used: {0}")]
    Folder(io::Error),
    /// No block of free ports is left.
    #[error("no free ports: {0}")]
    Ports(io::Error),
    /// `cargo` failed to build the programs.
    #[error("the programs could not be built: {0}")]
    Build(io::Error),
    /// A program of the system is missing.
    #[error("{0} is not installed: run ./setup.sh")]
    Missing(&'static str),
    /// A program cannot be started.
    #[error("{} cannot be started: {source}", program.display())]
    Spawn {
        /// Its path.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A program did not become ready.
    #[error("{name} {why}\n{log}")]
    NotReady {
        /// The member.
        name: String,
        /// What it did instead of becoming ready.
        why: String,
        /// The end of its log.
        log: String,
    },
    /// A child process cannot be waited for.
    #[error("a process cannot be waited for: {0}")]
    Wait(io::Error),
    /// The cluster has no member of that name.
    #[error("there is no {0} in this cluster")]
    Unknown(String),
    /// The member is not running.
    #[error("{0} is not running")]
    Stopped(String),
    /// The member is running already.
    #[error("{0} is running already")]
    Running(String),
    /// The name of a node is not a DNS label.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The CA or a certificate cannot be issued.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// Redis does not answer.
    #[error("Redis at {url} does not answer: {source}")]
    Redis {
        /// Its URL, without a password.
        url: String,
        /// The cause.
        source: redis::RedisError,
    },
}
