//! The members of a cluster: Redis, the relay, the nodes, the window.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::process::{Process, ProcessId};

/// The kinds of members in start order. They stop in reverse order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberKind {
    /// Redis, the directory's store.
    Redis,
    /// The relay.
    Relay,
    /// A node.
    Node,
    /// The operator's window.
    Window,
}

impl MemberKind {
    /// The ports that the documentation names for the member of this kind at `index`: where it
    /// listens, and its ops port.
    pub(crate) fn documented_ports(self, index: usize) -> Option<(u16, u16)> {
        let index = u16::try_from(index).ok()?;
        match self {
            Self::Relay => Some((7400, 7480)),
            Self::Node => Some((9001 + index, 9081 + index)),
            Self::Redis | Self::Window => None,
        }
    }
}

/// A member of the cluster, running or not. A restart keeps its addresses.
#[derive(Debug)]
pub struct ClusterMember {
    pub(super) name: String,
    pub(super) kind: MemberKind,
    pub(super) listen: SocketAddr,
    pub(super) ops: SocketAddr,
    pub(super) log: PathBuf,
    /// Where a node dials the relay, if not at the relay's own address.
    pub(super) relay_address: Option<SocketAddr>,
    pub(super) process: Option<Process>,
}

impl MemberKind {
    pub(crate) const STOP_ORDER: [Self; 4] = [Self::Window, Self::Node, Self::Relay, Self::Redis];
}

impl ClusterMember {
    /// Its name, such as `node-1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind.
    pub fn kind(&self) -> MemberKind {
        self.kind
    }

    /// Where it listens: UDP for the relay, TCP for the others.
    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// A node's client URL.
    pub fn ws_url(&self) -> String {
        format!("ws://{}/ws", self.listen)
    }

    /// The address of its `/healthz`, `/readyz` and `/metrics`. Redis and the window have port 0.
    pub fn ops(&self) -> SocketAddr {
        self.ops
    }

    /// Its process, if it was started and has not been seen to end.
    pub fn process(&self) -> Option<ProcessId> {
        self.process.as_ref().map(Process::id)
    }

    /// The pid of its process.
    ///
    /// # Panics
    /// If it is not running.
    pub fn pid(&self) -> i32 {
        self.process().unwrap_or_else(|| panic!("{} is not running", self.name)).pid
    }

    /// The file with its standard error, over all its starts.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it has an ops port.
    pub(super) fn has_ops(&self) -> bool {
        matches!(self.kind, MemberKind::Relay | MemberKind::Node)
    }
}
