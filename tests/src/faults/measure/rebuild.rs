//! How long a node takes to register its sessions again after Redis lost its data.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    MeasureError, Timing,
    directory_entries::{DirectoryEntries, IdleSessions, until},
};
use trunkline_cli::local_cluster::{LocalCluster, REDIS};

/// The node whose entries are lost.
const NODE: &str = "node-1";

/// How Redis loses its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataLoss {
    /// `FLUSHALL`.
    Flush,
    /// It is killed and started again, empty.
    Restart,
}

/// Measures how long a node takes until the directory has all its sessions again: from the `FLUSHALL`,
/// or from the moment at which the empty Redis answers.
pub async fn measure_rebuild(
    loss: DataLoss,
    sessions: usize,
    rounds: usize,
) -> Result<Timing, MeasureError> {
    let capacity = ["--capacity".to_owned(), sessions.to_string()];
    let mut cluster = LocalCluster::builder().nodes(1).node_args(capacity).start().await?;
    let _crowd = IdleSessions::log_in(cluster.node(NODE).address(), sessions).await?;
    let mut runs = Vec::new();
    for _ in 0..rounds {
        let entries = DirectoryEntries::of(&cluster, sessions).await?;
        let former = entries.complete(NODE).await?;
        let begin = lose_all(&mut cluster, loss).await?;
        runs.push(await_rebuild(&cluster, &former, sessions, begin).await?);
    }
    let how = match loss {
        DataLoss::Flush => "FLUSHALL",
        DataLoss::Restart => "Redis restarted empty",
    };
    Ok(Timing::new(format!("{how}, {sessions} sessions: all are registered again"), runs))
}

async fn lose_all(cluster: &mut LocalCluster, loss: DataLoss) -> Result<Instant, MeasureError> {
    match loss {
        DataLoss::Flush => {
            let mut redis = cluster.redis().connect().await?;
            redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await?;
        }
        DataLoss::Restart => {
            cluster.kill(REDIS).await?;
            cluster.start(REDIS).await?;
        }
    }
    Ok(Instant::now())
}

async fn await_rebuild(
    cluster: &LocalCluster,
    former: &str,
    sessions: usize,
    begin: Instant,
) -> Result<Duration, MeasureError> {
    let entries = DirectoryEntries::of(cluster, sessions).await?;
    let entries = &entries;
    let relisted = || async {
        let incarnation = entries.incarnation(NODE).await?;
        Ok(incarnation.filter(|incarnation| incarnation != former))
    };
    until("the node is listed again", relisted).await?;
    entries.complete(NODE).await?;
    Ok(begin.elapsed())
}
