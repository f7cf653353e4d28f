//! How long the directory has stale entries of a failed node.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    MeasureError, Timing,
    directory_entries::{DirectoryEntries, IdleSessions, until},
};
use trunkline_bench::proxy::{NetworkConditions, UdpProxy};
use trunkline_cli::local_cluster::{ClusterError, LocalCluster};

/// The node that fails.
const FAILED_NODE: &str = "node-1";

/// The most real sessions: any more users have directory entries only.
const SESSIONS_MAX: usize = 500;

/// How a node fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeFailure {
    /// SIGKILL: its kernel refuses what is sent to it.
    Kill,
    /// SIGSTOP: nothing is refused.
    Freeze,
    /// SIGKILL behind a cut link, like a power failure: nothing is refused.
    Vanish,
}

/// Measures how long the directory has stale entries of a failed node with `users` users: until the last
/// user entry is gone, and until the last trace of the incarnation is.
pub async fn measure_cleanup(
    failure: NodeFailure,
    users: usize,
    rounds: usize,
) -> Result<[Timing; 2], MeasureError> {
    let mut run = CleanupRun::set_up(users).await?;
    let (mut entries, mut traces) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (entry, trace) = run.round(failure).await?;
        entries.push(entry);
        traces.push(trace);
    }
    let how = match failure {
        NodeFailure::Kill => "SIGKILL",
        NodeFailure::Freeze => "SIGSTOP",
        NodeFailure::Vanish => "machine gone",
    };
    let timing = |until: &str, runs| Timing::new(format!("{how}, {users} users: {until}"), runs);
    Ok([timing("no user entry is left", entries), timing("no trace is left", traces)])
}

struct CleanupRun {
    cluster: LocalCluster,
    proxy: UdpProxy,
    entries: DirectoryEntries,
    users: usize,
    sessions_open: Option<IdleSessions>,
}

impl CleanupRun {
    async fn set_up(users: usize) -> Result<Self, MeasureError> {
        let mut cluster = LocalCluster::builder().nodes(2).prepare()?;
        let proxy = UdpProxy::start(cluster.relay().address(), 0).await;
        let proxy = proxy.map_err(ClusterError::Ports)?;
        cluster.dial_through(FAILED_NODE, proxy.address())?;
        cluster.start_all().await?;
        let entries = DirectoryEntries::of(&cluster, users).await?;
        Ok(Self { cluster, proxy, entries, users, sessions_open: None })
    }

    /// One failure and the recovery from it.
    async fn round(&mut self, failure: NodeFailure) -> Result<(Duration, Duration), MeasureError> {
        self.cluster.ready(FAILED_NODE).await?;
        let incarnation = self.fill().await?;
        let begin = Instant::now();
        match failure {
            NodeFailure::Kill => self.cluster.kill(FAILED_NODE).await?,
            NodeFailure::Freeze => self.cluster.pause(FAILED_NODE)?,
            NodeFailure::Vanish => {
                self.proxy.set_both(NetworkConditions::CUT);
                self.cluster.kill(FAILED_NODE).await?;
            }
        }
        let entries = &self.entries;
        let no_entry = || async { Ok((entries.users().await? == 0).then_some(())) };
        until("no user entry is left", no_entry).await?;
        let entry = begin.elapsed();
        let no_trace = || async {
            let listed = entries.is_listed(&incarnation).await?;
            Ok((!listed && entries.indexed(FAILED_NODE, &incarnation).await? == 0).then_some(()))
        };
        until("no trace is left", no_trace).await?;
        let trace = begin.elapsed();
        self.restore(failure).await?;
        Ok((entry, trace))
    }

    /// Registers the users of the failing node.
    async fn fill(&mut self) -> Result<String, MeasureError> {
        if self.sessions_open.is_none() {
            let address = self.cluster.node(FAILED_NODE).address();
            let sessions = self.users.min(SESSIONS_MAX);
            self.sessions_open = Some(IdleSessions::log_in(address, sessions).await?);
        }
        if self.users > SESSIONS_MAX {
            let entries = &self.entries;
            let incarnation = || async { Ok(entries.incarnation(FAILED_NODE).await?) };
            let incarnation = until("the node is listed", incarnation).await?;
            // The node's audit removes them as stale entries, but not within this run.
            self.entries.write(FAILED_NODE, &incarnation).await?;
            return Ok(incarnation);
        }
        self.entries.complete(FAILED_NODE).await
    }

    async fn restore(&mut self, failure: NodeFailure) -> Result<(), MeasureError> {
        self.proxy.set_both(NetworkConditions::default());
        match failure {
            NodeFailure::Kill | NodeFailure::Vanish => {
                self.sessions_open = None;
                self.cluster.start(FAILED_NODE).await?;
            }
            NodeFailure::Freeze => self.cluster.resume(FAILED_NODE)?,
        }
        Ok(())
    }
}
