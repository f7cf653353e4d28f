//! Users who send one another messages, on a thread of their own.

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
use trunkline_bench::{Engine, LoadError, Pace, System, Trunkline};
use trunkline_cli::local_cluster::LocalCluster;

/// How many users there are: three busy nodes, none of them full.
const USERS: usize = 780;

/// How many messages a second they send, to the next node and on their own.
const REMOTE: f64 = 900.0;
const LOCAL: f64 = 350.0;

const ON: u8 = 0;
const WITHOUT_LAST: u8 = 1;
const END: u8 = 2;

/// The users.
pub(crate) struct BackgroundLoad {
    orders: Arc<AtomicU8>,
    thread: JoinHandle<Result<(), LoadError>>,
}

impl BackgroundLoad {
    /// Has them log in and talk.
    pub(crate) fn gather(cluster: &LocalCluster) -> Self {
        let nodes = System::from(cluster).nodes;
        let orders = Arc::new(AtomicU8::new(ON));
        let followed = orders.clone();
        let thread = thread::spawn(move || talk(nodes, &followed));
        Self { orders, thread }
    }

    /// From now on nobody logs in at the last node.
    pub(crate) fn avoid_last_node(&mut self) {
        self.orders.store(WITHOUT_LAST, Ordering::Relaxed);
    }

    /// Has them go.
    pub(crate) fn disperse(self) -> Result<()> {
        self.orders.store(END, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| anyhow!("the load panicked"))??)
    }
}

fn talk(nodes: Vec<SocketAddr>, orders: &AtomicU8) -> Result<(), LoadError> {
    let mut engine = Engine::<Trunkline>::new()?;
    // Not evenly: some nodes have more to do than others.
    let node = |user: usize| nodes[[0, 1, 2, 0, 1, 0][user % 6]];
    let users = engine.log_in((0..USERS).map(|user| (node(user), format!("user-{user}"))))?;
    let pairs = |step: usize| {
        let users = &users;
        (0..USERS).map(move |from| (users[from], users[(from + step) % USERS]))
    };
    let remote = engine.traffic(Pace::Open { per_second: REMOTE }, pairs(1), 128);
    let local = engine.traffic(Pace::Open { per_second: LOCAL }, pairs(6), 128);
    engine.start(remote);
    engine.start(local);
    engine.reconnect_to(nodes.clone());
    loop {
        match orders.load(Ordering::Relaxed) {
            ON => {}
            WITHOUT_LAST => engine.reconnect_to(nodes[..nodes.len() - 1].to_vec()),
            _ => return Ok(()),
        }
        engine.run(Duration::from_millis(200))?;
    }
}
