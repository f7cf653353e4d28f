//! The state file: where the other commands find the cluster that `up` runs, and which processes a
//! later `up` has to kill if that one died.

use std::{
    fs::{self, File, TryLockError},
    io::Write,
    net::SocketAddr,
    path::{self, Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::local_cluster::{ClusterMember, LocalCluster, MemberKind, ProcessId, project};

/// The folder of a local cluster: its state, certificates and logs.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// `folder`, or `.trunkline` at the top of the project.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        let folder = folder.unwrap_or_else(default_home);
        // The commands that read the state may run in another folder.
        Self(path::absolute(&folder).unwrap_or(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether it is the default one.
    pub(crate) fn is_default(&self) -> bool {
        self.0 == default_home()
    }

    /// Removes the state file.
    pub(crate) fn remove_state(&self) {
        // It may be gone already.
        let _ = fs::remove_file(self.file());
    }

    fn file(&self) -> PathBuf {
        self.0.join("cluster.json")
    }
}

fn default_home() -> PathBuf {
    project().join(".trunkline")
}

/// The cluster at the time when this was written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClusterState {
    /// The process that owns it.
    pub(crate) owner: ProcessId,
    /// Its control socket.
    pub(crate) control: PathBuf,
    /// The value for `--certs`.
    pub(crate) certs: PathBuf,
    /// The value for `--redis`.
    pub(crate) redis: String,
    /// The value for `--relay`.
    pub(crate) relay: SocketAddr,
    /// The nodes, running or not.
    pub(crate) nodes: Vec<NodeAddress>,
    /// Every process of the cluster.
    pub(crate) processes: Vec<ProcessId>,
}

/// A node of the cluster.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NodeAddress {
    /// Its name.
    pub(crate) name: String,
    /// Its client URL.
    pub(crate) url: String,
}

impl ClusterState {
    /// The state of `cluster`, which this process owns.
    pub(crate) fn of(cluster: &LocalCluster, control: &Path) -> Result<Self> {
        let pid = std::process::id().cast_signed();
        let nodes = cluster.members().filter(|member| member.kind() == MemberKind::Node);
        let node =
            |node: &ClusterMember| NodeAddress { name: node.name().to_owned(), url: node.ws_url() };
        Ok(Self {
            owner: ProcessId::of(pid).context("/proc does not list this process")?,
            control: control.to_owned(),
            certs: cluster.certs(),
            redis: cluster.redis().url().to_owned(),
            relay: cluster.relay().address(),
            nodes: nodes.map(node).collect(),
            processes: cluster.members().filter_map(ClusterMember::process).collect(),
        })
    }

    /// The state that the last `up` wrote, if there is one.
    pub(crate) fn read(home: &Home) -> Option<Self> {
        serde_json::from_slice(&fs::read(home.file()).ok()?).ok()
    }

    /// The state of the running cluster.
    pub(crate) fn running(home: &Home) -> Result<Self> {
        let state = Self::read(home).filter(|state| state.owner.is_alive());
        state.context("no cluster is running here: start one with `just up`")
    }

    /// Replaces the state file atomically.
    pub(crate) fn write(&self, home: &Home) -> Result<()> {
        let mut new = NamedTempFile::new_in(home.path())?;
        new.write_all(&serde_json::to_vec_pretty(self)?)?;
        new.persist(home.file())?;
        Ok(())
    }

    /// Kills what is left of a cluster whose owner died, and removes its state. Returns how many
    /// processes there were.
    pub(crate) fn kill_leftovers(self, home: &Home) -> usize {
        let left: Vec<_> =
            self.processes.into_iter().filter(|process| process.is_alive()).collect();
        left.iter().for_each(|process| process.kill());
        if let Some(folder) = self.control.parent() {
            // The temporary folder that its owner did not live to remove; it may be gone too.
            let _ = fs::remove_dir_all(folder);
        }
        home.remove_state();
        left.len()
    }
}

/// The lock that lets one process run the cluster of a home. The kernel releases it.
#[derive(Debug)]
pub(crate) struct HomeLock {
    _lock: File,
}

impl HomeLock {
    /// Takes the lock, unless another process has it.
    pub(crate) fn take(home: &Home) -> Result<Option<Self>> {
        let folder = home.path();
        let cannot = || format!("{} cannot be used: check its owner and mode", folder.display());
        fs::create_dir_all(folder).with_context(cannot)?;
        let lock = File::create(folder.join("lock")).with_context(cannot)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
        }
    }
}
