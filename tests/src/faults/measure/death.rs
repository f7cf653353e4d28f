use std::time::Duration;

use tokio::time::Instant;

use super::{
    MeasureError, Timing,
    users::{Crowd, Entries, until},
};
use trunkline_bench::proxy::{Proxy, Weather};
use trunkline_cli::local_cluster::{Cluster, ClusterError};

/// The node that is hurt.
const VICTIM: &str = "node-1";

/// The most sessions that are real: of more users, all but these have entries alone.
const SESSIONS_MAX: usize = 500;

/// How a node goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL: its kernel refuses what is sent to it.
    Kill,
    /// SIGSTOP: nothing refuses.
    Freeze,
    /// SIGKILL behind a cut link, as when its machine loses power: nothing refuses.
    Vanish,
}

/// Measures how long the directory has ghosts of a node with so many users: from the blow until the
/// last user's entry is gone, and until the incarnation's last trace is.
///
/// # Errors
/// If that never happens, or the cluster cannot be run.
pub async fn deaths(blow: Blow, users: usize, rounds: usize) -> Result<[Timing; 2], MeasureError> {
    let mut scene = Scene::set(users).await?;
    let (mut entries, mut traces) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (entry, trace) = scene.round(blow).await?;
        entries.push(entry);
        traces.push(trace);
    }
    let how = match blow {
        Blow::Kill => "SIGKILL",
        Blow::Freeze => "SIGSTOP",
        Blow::Vanish => "machine gone",
    };
    let timing = |until: &str, runs| Timing::new(format!("{how}, {users} users: {until}"), runs);
    Ok([timing("no user's entry is left", entries), timing("no trace is left", traces)])
}

struct Scene {
    cluster: Cluster,
    proxy: Proxy,
    entries: Entries,
    users: usize,
    crowd: Option<Crowd>,
}

impl Scene {
    async fn set(users: usize) -> Result<Self, MeasureError> {
        let mut cluster = Cluster::builder().nodes(2).prepare()?;
        let proxy = Proxy::start(cluster.relay().address(), 0).await;
        let proxy = proxy.map_err(ClusterError::Ports)?;
        cluster.dial_through(VICTIM, proxy.address())?;
        let names: Vec<_> = cluster.members().map(|member| member.name().to_owned()).collect();
        for name in &names {
            cluster.start(name).await?;
        }
        let entries = Entries::of(&cluster, users).await?;
        Ok(Self { cluster, proxy, entries, users, crowd: None })
    }

    /// One blow, from a whole cluster to a whole cluster.
    async fn round(&mut self, blow: Blow) -> Result<(Duration, Duration), MeasureError> {
        self.cluster.ready(VICTIM).await?;
        let life = self.fill().await?;
        let begin = Instant::now();
        match blow {
            Blow::Kill => self.cluster.kill(VICTIM).await?,
            Blow::Freeze => self.cluster.pause(VICTIM)?,
            Blow::Vanish => {
                self.proxy.set_both(Weather::CUT);
                self.cluster.kill(VICTIM).await?;
            }
        }
        let entries = &self.entries;
        let no_entry = || async { Ok((entries.users().await? == 0).then_some(())) };
        until("no user's entry is left", no_entry).await?;
        let entry = begin.elapsed();
        let no_trace = || async {
            let listed = entries.is_listed(&life).await?;
            Ok((!listed && entries.indexed(VICTIM, &life).await? == 0).then_some(()))
        };
        until("no trace is left", no_trace).await?;
        let trace = begin.elapsed();
        self.mend(blow).await?;
        Ok((entry, trace))
    }

    /// Brings the victim's users into the directory.
    async fn fill(&mut self) -> Result<String, MeasureError> {
        if self.crowd.is_none() {
            let address = self.cluster.node(VICTIM).address();
            let sessions = self.users.min(SESSIONS_MAX);
            self.crowd = Some(Crowd::log_in(address, sessions).await?);
        }
        if self.users > SESSIONS_MAX {
            let entries = &self.entries;
            let life = || async { Ok(entries.life(VICTIM).await?) };
            let life = until("the node is listed", life).await?;
            // The node's audit takes them for ghosts, as they are, but not at once.
            self.entries.write(VICTIM, &life).await?;
            return Ok(life);
        }
        self.entries.complete(VICTIM).await
    }

    async fn mend(&mut self, blow: Blow) -> Result<(), MeasureError> {
        self.proxy.set_both(Weather::default());
        match blow {
            Blow::Kill | Blow::Vanish => {
                self.crowd = None;
                self.cluster.start(VICTIM).await?;
            }
            Blow::Freeze => self.cluster.resume(VICTIM)?,
        }
        Ok(())
    }
}
