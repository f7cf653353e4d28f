//! A background load on a thread of its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Result, anyhow};
use trunkline_bench::{Engine, LoadError, System, TrafficPace, Trunkline};
use trunkline_cli::local_cluster::LocalCluster;

/// How many users: three busy nodes, none of them full.
const USERS: usize = 780;

/// Messages a second to other nodes, and within a node.
const REMOTE: f64 = 900.0;
const LOCAL: f64 = 350.0;

const ALL_NODES: u8 = 0;
const WITHOUT_LAST_NODE: u8 = 1;
const STOP: u8 = 2;

/// The users of the load.
pub(crate) struct BackgroundLoad {
    mode: Arc<AtomicU8>,
    thread: JoinHandle<Result<(), LoadError>>,
}

impl BackgroundLoad {
    /// Logs the users in, and starts the load.
    pub(crate) fn start(cluster: &LocalCluster) -> Self {
        let nodes = System::from(cluster).nodes;
        let mode = Arc::new(AtomicU8::new(ALL_NODES));
        let shared_mode = mode.clone();
        let thread = thread::spawn(move || run_load(nodes, &shared_mode));
        Self { mode, thread }
    }

    /// From now on, no user logs in at the last node.
    pub(crate) fn avoid_last_node(&mut self) {
        self.mode.store(WITHOUT_LAST_NODE, Ordering::Relaxed);
    }

    /// Ends the load.
    pub(crate) fn stop(self) -> Result<()> {
        self.mode.store(STOP, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| anyhow!("the load panicked"))??)
    }
}

fn run_load(nodes: Vec<SocketAddr>, mode: &AtomicU8) -> Result<(), LoadError> {
    let mut engine = Engine::<Trunkline>::new()?;
    // Uneven, so that nodes differ in load.
    let node = |user: usize| nodes[[0, 1, 2, 0, 1, 0][user % 6]];
    let users = engine.log_in((0..USERS).map(|user| (node(user), format!("user-{user}"))))?;
    let pairs = |step: usize| {
        let users = &users;
        (0..USERS).map(move |from| (users[from], users[(from + step) % USERS]))
    };
    let remote = engine.traffic(TrafficPace::Open { per_second: REMOTE }, pairs(1), 128);
    let local = engine.traffic(TrafficPace::Open { per_second: LOCAL }, pairs(6), 128);
    engine.start(remote);
    engine.start(local);
    engine.reconnect_to(nodes.clone());
    loop {
        match mode.load(Ordering::Relaxed) {
            ALL_NODES => {}
            WITHOUT_LAST_NODE => engine.reconnect_to(nodes[..nodes.len() - 1].to_vec()),
            _ => return Ok(()),
        }
        engine.run(Duration::from_millis(200))?;
    }
}
