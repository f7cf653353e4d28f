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

use super::{MeasureError, users::Crowd};
use trunkline_cli::{local_cluster::Cluster, status_stream::StatusStream};

/// How many nodes are watched, and how many sessions each has.
const NODES: usize = 3;
/// See [`NODES`].
const SESSIONS: usize = 100;

/// What became of a cluster while all cores were busy with something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strain {
    /// How many threads did nothing but spin.
    pub threads: usize,
    /// Nodes that were judged dead, and were not.
    pub verdicts: usize,
    /// Nodes that had another incarnation afterwards.
    pub reborn: usize,
}

/// Keeps all cores busy for so long, with as many threads as there are cores, and counts what is
/// said of nodes that are well.
///
/// # Errors
/// If the cluster cannot be run.
pub async fn strain(lasting: Duration) -> Result<Strain, MeasureError> {
    let cluster = Cluster::builder().nodes(NODES).start().await?;
    let mut crowds = Vec::new();
    for number in 1..=NODES {
        let address = cluster.node(&format!("node-{number}")).address();
        crowds.push(Crowd::log_in(address, SESSIONS).await?);
    }
    let before = lives(&cluster).await?;
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
    let after = lives(&cluster).await?;
    let reborn = before.iter().filter(|(life, _)| !after.contains_key(*life)).count();
    Ok(Strain { threads, verdicts, reborn })
}

async fn lives(cluster: &Cluster) -> Result<BTreeMap<String, String>, MeasureError> {
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
