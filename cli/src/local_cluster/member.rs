//! What belongs to a cluster: Redis, the relay, each node, the window.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::process::{Process, ProcessId};

/// What a member of the cluster is, in the order in which they start; they stop in the reverse
/// order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The directory's store.
    Redis,
    /// The hub.
    Relay,
    /// A node.
    Node,
    /// The operator's window.
    Window,
}

/// A member of the cluster, running or not. Its addresses stay the same when it is started again.
#[derive(Debug)]
pub struct Member {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) listen: SocketAddr,
    pub(super) ops: SocketAddr,
    pub(super) log: PathBuf,
    /// Where a node dials the relay, if not at the relay's own address.
    pub(super) dials: Option<SocketAddr>,
    pub(super) process: Option<Process>,
}

impl Member {
    /// Its name, such as `node-1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it listens; for the relay this is UDP.
    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// A node's client URL.
    pub fn ws_url(&self) -> String {
        format!("ws://{}/ws", self.listen)
    }

    /// Where its `/healthz`, `/readyz` and `/metrics` are; nowhere for Redis and the window.
    pub fn ops(&self) -> SocketAddr {
        self.ops
    }

    /// Its process, if it was started and its end has not been seen.
    pub fn process(&self) -> Option<ProcessId> {
        self.process.as_ref().map(Process::id)
    }

    /// The pid of its process.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pid(&self) -> i32 {
        self.process().unwrap_or_else(|| panic!("{} does not run", self.name)).pid
    }

    /// What it has written to standard error, over all its lives.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it has an ops port.
    pub(super) fn has_ops(&self) -> bool {
        matches!(self.kind, Kind::Relay | Kind::Node)
    }
}
