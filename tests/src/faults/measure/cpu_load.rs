//! Whether busy cores lead to wrong verdicts about nodes.

use std::{
    collections::BTreeMap,
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use redis::AsyncTypedCommands;
use tokio::time::Instant;
use trunkline_protocol::status::{EventKind, StatusLine};

use super::{MeasureError, directory_entries::IdleSessions};
use trunkline_cli::{local_cluster::LocalCluster, status_stream::StatusStream};

/// How many nodes there are, and how many sessions each has.
const NODES: usize = 3;
/// See [`NODES`].
const SESSIONS: usize = 100;

/// Wrong verdicts about nodes while all cores were busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FalseVerdicts {
    /// How many threads kept the cores busy.
    pub threads: usize,
    /// Nodes that were declared dead although they ran.
    pub verdicts: usize,
    /// Nodes that have another incarnation afterwards.
    pub restarted: usize,
}

/// Keeps all cores busy for `lasting`, with one thread per core, and counts wrong verdicts.
pub async fn measure_false_verdicts(lasting: Duration) -> Result<FalseVerdicts, MeasureError> {
    let cluster = LocalCluster::builder().nodes(NODES).start().await?;
    let mut sessions_open = Vec::new();
    for number in 1..=NODES {
        let address = cluster.node(&format!("node-{number}")).address();
        sessions_open.push(IdleSessions::log_in(address, SESSIONS).await?);
    }
    let before = incarnations(&cluster).await?;
    let (relay, certs) = (cluster.relay().address(), cluster.certs());
    let mut status = StatusStream::open(relay, &certs, Duration::from_secs(1)).await?;
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let spinning = Spinning::start(threads);
    let begin = Instant::now();
    let mut verdicts = 0;
    while begin.elapsed() < lasting {
        if let StatusLine::Event(event) = status.next_line().await? {
            verdicts += usize::from(matches!(event.kind, EventKind::Dead { .. }));
        }
    }
    drop(spinning);
    let after = incarnations(&cluster).await?;
    let restarted =
        before.iter().filter(|(incarnation, _)| !after.contains_key(*incarnation)).count();
    Ok(FalseVerdicts { threads, verdicts, restarted })
}

async fn incarnations(cluster: &LocalCluster) -> Result<BTreeMap<String, String>, MeasureError> {
    let mut redis = cluster.redis().connect().await?;
    Ok(redis.hgetall("trunkline:incarnations").await?.into_iter().collect())
}

/// Threads that spin until this is dropped.
struct Spinning(Arc<AtomicBool>);

impl Spinning {
    fn start(threads: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..threads {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        Self(over)
    }
}

impl Drop for Spinning {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
