use std::time::Duration;

use tokio::time::Instant;

use super::{
    MeasureError, Timing,
    users::{Crowd, Entries, until},
};
use trunkline_cli::local_cluster::{Cluster, REDIS};

/// The node whose users are lost.
const NODE: &str = "node-1";

/// How Redis loses everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// `FLUSHALL`.
    Flush,
    /// It is killed, and comes back empty.
    Restart,
}

/// Measures how long a node with so many sessions takes until the directory has all of them again:
/// from the `FLUSHALL`, or from the moment at which the empty Redis answers.
///
/// # Errors
/// If that never happens, or the cluster cannot be run.
pub async fn rebuilds(loss: Loss, sessions: usize, rounds: usize) -> Result<Timing, MeasureError> {
    let capacity = ["--capacity".to_owned(), sessions.to_string()];
    let mut cluster = Cluster::builder().nodes(1).node_args(capacity).start().await?;
    let _crowd = Crowd::log_in(cluster.node(NODE).address(), sessions).await?;
    let mut runs = Vec::new();
    for _ in 0..rounds {
        let entries = Entries::of(&cluster, sessions).await?;
        let former = entries.complete(NODE).await?;
        let begin = lose_all(&mut cluster, loss).await?;
        runs.push(whole_again(&cluster, &former, sessions, begin).await?);
    }
    let how = match loss {
        Loss::Flush => "FLUSHALL",
        Loss::Restart => "Redis restarted empty",
    };
    Ok(Timing::new(format!("{how}, {sessions} sessions: all are back"), runs))
}

async fn lose_all(cluster: &mut Cluster, loss: Loss) -> Result<Instant, MeasureError> {
    match loss {
        Loss::Flush => {
            let mut redis = cluster.redis().connect().await?;
            redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await?;
        }
        Loss::Restart => {
            cluster.kill(REDIS).await?;
            cluster.start(REDIS).await?;
        }
    }
    Ok(Instant::now())
}

async fn whole_again(
    cluster: &Cluster,
    former: &str,
    sessions: usize,
    begin: Instant,
) -> Result<Duration, MeasureError> {
    let entries = Entries::of(cluster, sessions).await?;
    let entries = &entries;
    let anew = || async {
        let life = entries.life(NODE).await?;
        Ok(life.filter(|life| life != former))
    };
    until("the node is listed anew", anew).await?;
    entries.complete(NODE).await?;
    Ok(begin.elapsed())
}
