//! Clients that send and receive all the time, so that faults hit messages in flight.
//!
//! Each follows the protocol: it reconnects after the delay that the node names, asks `GET /nodes` for
//! another node, and stays away for a while when it was replaced. Users move between nodes, some have
//! several sessions, and one floods another that reads slowly.

mod recorder;
mod test_client;

use std::{net::SocketAddr, sync::Arc};

use fastrand::Rng;
use tokio::{sync::watch, task::JoinSet};

pub use self::recorder::Recorder;
use self::test_client::{Behavior, TestClient};

/// What all clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadPhase {
    /// Send, move, log out and in.
    Active,
    /// Stay connected without sending.
    Quiet,
    /// Send to everyone once.
    FinalRound,
    /// Close and end.
    Stop,
}

/// A node that clients can dial.
#[derive(Clone, Debug)]
pub struct NodeEndpoint {
    /// The node's name.
    pub node: String,
    /// Its client URL.
    pub url: String,
    /// The address of its client port.
    pub address: SocketAddr,
}

/// The chatty users, and how many clients each has.
const CHATTY: [(&str, usize); 7] =
    [("ann", 2), ("ben", 2), ("cid", 3), ("dot", 1), ("eve", 1), ("fay", 1), ("gus", 1)];

/// The user that reads slowly.
const SLOW: &str = "sam";

/// The user that floods the slow one.
const FLOODER: &str = "flo";

/// A user without a client.
const NOBODY: &str = "nobody";

/// Running clients. Dropping this aborts them.
#[derive(Debug)]
pub struct Workload {
    phase: watch::Sender<WorkloadPhase>,
    clients: JoinSet<()>,
    /// Its one task never ends.
    _observer: JoinSet<()>,
}

impl Workload {
    /// Starts the clients. `seed` is for their random numbers.
    pub fn start(endpoints: Vec<NodeEndpoint>, seed: u64, recorder: &Recorder) -> Self {
        let (phase, watched) = watch::channel(WorkloadPhase::Active);
        let endpoints: Arc<[NodeEndpoint]> = endpoints.into();
        let clients_to_start =
            CHATTY.iter().flat_map(|&(user, clients)| vec![(user, Behavior::Chat); clients]);
        let clients_to_start =
            clients_to_start.chain([(SLOW, Behavior::ReadSlowly), (FLOODER, Behavior::Flood)]);
        let mut rng = Rng::with_seed(seed);
        let mut clients = JoinSet::new();
        for (user, behavior) in clients_to_start {
            let client = TestClient {
                user,
                behavior,
                endpoints: Arc::clone(&endpoints),
                recorder: recorder.clone(),
                phase: watched.clone(),
                rng: rng.fork(),
            };
            clients.spawn(client.run());
        }
        let mut observer = JoinSet::new();
        observer.spawn(recorder.clone().note_stalls());
        Self { phase, clients, _observer: observer }
    }

    /// Every user that has a client.
    pub fn users() -> impl Iterator<Item = &'static str> {
        CHATTY.iter().map(|(user, _)| *user).chain([SLOW, FLOODER])
    }

    /// Switches all clients to another phase.
    pub fn enter(&self, phase: WorkloadPhase) {
        self.phase.send_replace(phase);
    }

    /// Waits until all clients have ended, after [`WorkloadPhase::Stop`].
    pub async fn ended(mut self) {
        while self.clients.join_next().await.is_some() {}
    }
}
