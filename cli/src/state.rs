//! The state file: how the other commands find the cluster that `up` runs, and what a later `up`
//! has to sweep if that one died.

use std::{
    fs::{self, File, TryLockError},
    io::Write,
    net::SocketAddr,
    path::{self, Path, PathBuf},
};

use crate::local_cluster::{Cluster, Kind, Member, ProcessId, project};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// The folder of a local cluster: its state, certificates and logs.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// The one that was asked for, or `.trunkline` at the project's top.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        let folder = folder.unwrap_or_else(usual);
        // Who reads the state may stand elsewhere.
        Self(path::absolute(&folder).unwrap_or(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether it is the project's own.
    pub(crate) fn is_usual(&self) -> bool {
        self.0 == usual()
    }

    /// Removes the state file.
    pub(crate) fn forget(&self) {
        // If it is gone already, so much the better.
        let _ = fs::remove_file(self.file());
    }

    fn file(&self) -> PathBuf {
        self.0.join("cluster.json")
    }
}

fn usual() -> PathBuf {
    project().join(".trunkline")
}

/// The cluster that runs, or ran when this was written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// The process that owns it.
    pub(crate) owner: ProcessId,
    /// Its control socket.
    pub(crate) control: PathBuf,
    /// What to give as `--certs`.
    pub(crate) certs: PathBuf,
    /// What to give as `--redis`.
    pub(crate) redis: String,
    /// What to give as `--relay`.
    pub(crate) relay: SocketAddr,
    /// The nodes, running or not.
    pub(crate) nodes: Vec<Node>,
    /// Every process of the cluster.
    pub(crate) processes: Vec<ProcessId>,
}

/// A node of the cluster.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Node {
    /// Its name.
    pub(crate) name: String,
    /// Its client URL.
    pub(crate) url: String,
}

impl State {
    /// What there is to say about `cluster`, owned by this process.
    pub(crate) fn of(cluster: &Cluster, control: &Path) -> Result<Self> {
        let pid = std::process::id().cast_signed();
        let nodes = cluster.members().filter(|member| member.kind() == Kind::Node);
        let node = |node: &Member| Node { name: node.name().to_owned(), url: node.ws_url() };
        Ok(Self {
            owner: ProcessId::of(pid).context("/proc does not list this process")?,
            control: control.to_owned(),
            certs: cluster.certs(),
            redis: cluster.redis().url().to_owned(),
            relay: cluster.relay().address(),
            nodes: nodes.map(node).collect(),
            processes: cluster.members().filter_map(Member::process).collect(),
        })
    }

    /// Reads what the last `up` wrote, if anything.
    pub(crate) fn read(home: &Home) -> Option<Self> {
        serde_json::from_slice(&fs::read(home.file()).ok()?).ok()
    }

    /// The cluster that runs now.
    pub(crate) fn running(home: &Home) -> Result<Self> {
        let state = Self::read(home).filter(|state| state.owner.is_alive());
        state.context("no cluster is running here: start one with `just up`")
    }

    /// Replaces the state file, at once.
    pub(crate) fn write(&self, home: &Home) -> Result<()> {
        let mut new = NamedTempFile::new_in(home.path())?;
        new.write_all(&serde_json::to_vec_pretty(self)?)?;
        new.persist(home.file())?;
        Ok(())
    }

    /// Kills what is left of a cluster whose owner died, and forgets it. Says how many processes
    /// there were.
    pub(crate) fn sweep(self, home: &Home) -> usize {
        let left: Vec<_> =
            self.processes.into_iter().filter(|process| process.is_alive()).collect();
        left.iter().for_each(|process| process.kill());
        if let Some(folder) = self.control.parent() {
            // A temporary folder that its owner could not remove any more; it may be gone too.
            let _ = fs::remove_dir_all(folder);
        }
        home.forget();
        left.len()
    }
}

/// The right to run the cluster of this project; the kernel takes it back when the process ends.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

impl Claim {
    /// Takes the right, unless another process has it.
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
