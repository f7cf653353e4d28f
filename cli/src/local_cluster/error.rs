//! What can go wrong with a local cluster.

use std::{io, path::PathBuf};

use thiserror::Error;
use trunkline_certs::CertsError;
use trunkline_protocol::BadName;

/// Why a cluster, or a part of it, did not start or stop.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// A folder or file of the cluster could not be made or read.
    #[error("a file of the cluster cannot be used: {0}")]
    Folder(io::Error),
    /// No ports could be leased.
    #[error("no free ports: {0}")]
    Ports(io::Error),
    /// `cargo` could not build the programs.
    #[error("the programs could not be built: {0}")]
    Build(io::Error),
    /// A program of the machine is missing.
    #[error("{0} is not installed: ./setup.sh installs it")]
    Missing(&'static str),
    /// A program could not be started.
    #[error("{} cannot be started: {source}", program.display())]
    Spawn {
        /// Which one.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program did not come up.
    #[error("{name} {why}\n{log}")]
    NotReady {
        /// Which one.
        name: String,
        /// What it did instead.
        why: String,
        /// The end of its log.
        log: String,
    },
    /// A child could not be waited for.
    #[error("a process cannot be waited for: {0}")]
    Wait(io::Error),
    /// There is no member of that name.
    #[error("there is no {0} in this cluster")]
    Unknown(String),
    /// That member is not running.
    #[error("{0} is not running")]
    Stopped(String),
    /// That member runs already.
    #[error("{0} is running already")]
    Running(String),
    /// That cannot be the name of a node.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The CA or a certificate could not be made.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// Redis did not answer.
    #[error("Redis at {url} does not answer: {source}")]
    Redis {
        /// Where.
        url: String,
        /// Why.
        source: redis::RedisError,
    },
}
