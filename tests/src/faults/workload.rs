//! Clients that keep talking: what goes wrong goes wrong for them.
//!
//! Each is a client as the contract wants one: it reconnects after the pause that it is told, asks
//! `GET /nodes` for another node, and stays away for a while when it was replaced. Users move
//! between nodes, some have several sessions, one floods another who reads slowly.

mod actor;
mod recorder;

use std::{net::SocketAddr, sync::Arc};

use fastrand::Rng;
use tokio::{sync::watch, task::JoinSet};

use self::actor::{Actor, Habit};
pub use self::recorder::Recorder;

/// What all clients do at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Talk, move, come and go.
    Talk,
    /// Stay, and say nothing.
    Quiet,
    /// Write to everyone once.
    LastRound,
    /// Leave politely.
    Leave,
}

/// A node that clients can dial.
#[derive(Clone, Debug)]
pub struct Door {
    /// The node's name.
    pub node: String,
    /// Its client URL.
    pub url: String,
    /// Where its client port is.
    pub address: SocketAddr,
}

/// Users who have a client, and how many clients each has.
const TALKERS: [(&str, usize); 7] =
    [("ann", 2), ("ben", 2), ("cid", 3), ("dot", 1), ("eve", 1), ("fay", 1), ("gus", 1)];

/// The user who reads slowly.
const SLOW: &str = "sam";

/// The user who floods that one.
const FLOODER: &str = "flo";

/// A user whom nobody is.
const NOBODY: &str = "nobody";

/// Running clients. They are gone when this is dropped.
#[derive(Debug)]
pub struct Workload {
    phase: watch::Sender<Phase>,
    actors: JoinSet<()>,
    /// Its one task has no end of its own.
    _observer: JoinSet<()>,
}

impl Workload {
    /// Starts the clients. Whatever they do by chance is drawn from `seed`.
    pub fn start(doors: Vec<Door>, seed: u64, recorder: &Recorder) -> Self {
        let (phase, watched) = watch::channel(Phase::Talk);
        let doors: Arc<[Door]> = doors.into();
        let cast = TALKERS.iter().flat_map(|&(user, clients)| vec![(user, Habit::Talk); clients]);
        let cast = cast.chain([(SLOW, Habit::Doze), (FLOODER, Habit::Flood)]);
        let mut dice = Rng::with_seed(seed);
        let mut actors = JoinSet::new();
        for (user, habit) in cast {
            let actor = Actor {
                user,
                habit,
                doors: Arc::clone(&doors),
                recorder: recorder.clone(),
                phase: watched.clone(),
                dice: dice.fork(),
            };
            actors.spawn(actor.run());
        }
        let mut observer = JoinSet::new();
        observer.spawn(recorder.clone().note_stalls());
        Self { phase, actors, _observer: observer }
    }

    /// Every user who has a client.
    pub fn users() -> impl Iterator<Item = &'static str> {
        TALKERS.iter().map(|(user, _)| *user).chain([SLOW, FLOODER])
    }

    /// Has all clients do something else from now on.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Waits until all clients have left, after [`Phase::Leave`].
    pub async fn left(mut self) {
        while self.actors.join_next().await.is_some() {}
    }
}
