//! The users: an engine on a thread of its own.

use std::{net::SocketAddr, thread, time::Duration};

use anyhow::{Context, Result};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use trunkline_tests::load::{Counts, Engine, Pace, SessionId, TrafficId, Trunkline};

use super::Load;
use crate::state::{Home, State};

/// How often the screen gets something to show.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// To how many others each user writes.
const FRIENDS: usize = 3;

/// What there is to see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// How many users are logged in.
    pub(super) welcome: usize,
    /// What became of all messages so far.
    pub(super) counts: Counts,
    /// The time since the look before, in seconds.
    pub(super) seconds: f64,
    /// Of the messages that were due since then: half and 99 % of them took less, in milliseconds.
    pub(super) latency_ms: Option<[f64; 2]>,
}

/// The users of the load. They leave when this is dropped.
#[derive(Debug)]
pub(super) struct Crowd {
    looks: Receiver<Result<Look>>,
}

impl Crowd {
    /// Lets them log in and write to one another.
    pub(super) fn gather(load: Load, home: Home) -> Self {
        let (sender, looks) = channel(1);
        thread::spawn(move || {
            if let Err(error) = talk(&load, &home, &sender) {
                // If nobody waits for it, nobody wants it.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Self { looks }
    }

    /// Waits for the next look. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<Look>> {
        self.looks.recv().await.transpose()
    }
}

/// Goes on until nobody looks any more.
fn talk(load: &Load, home: &Home, looks: &Sender<Result<Look>>) -> Result<()> {
    let mut engine = Engine::<Trunkline>::new()?;
    let nodes = nodes(home)?;
    engine.come_back_at(nodes.clone());
    let run = fastrand::u16(..);
    let users = (0..load.users).zip(nodes.iter().cycle());
    let users =
        engine.log_in(users.map(|(number, node)| (*node, format!("user-{run:04x}-{number}"))))?;
    let pace = Pace::Open { per_second: load.rate.into() };
    let traffic = engine.traffic(pace, friends(&users), load.body as usize);
    engine.start(traffic);
    loop {
        engine.measure(traffic);
        engine.run(LOOK_EVERY)?;
        // Nodes come and go.
        engine.come_back_at(self::nodes(home)?);
        if looks.blocking_send(Ok(look(&engine, traffic))).is_err() {
            return Ok(());
        }
    }
}

fn look(engine: &Engine<Trunkline>, traffic: TrafficId) -> Look {
    let latency = engine.latency_ns(traffic);
    let quantile = |quantile| latency.value_at_quantile(quantile) as f64 / 1e6;
    Look {
        welcome: engine.welcome(),
        counts: engine.counts(traffic),
        seconds: LOOK_EVERY.as_secs_f64(),
        latency_ms: (!latency.is_empty()).then(|| [quantile(0.5), quantile(0.99)]),
    }
}

/// The nodes of the cluster, as long as it runs.
fn nodes(home: &Home) -> Result<Vec<SocketAddr>> {
    let address = |url: &str| url.strip_prefix("ws://")?.split('/').next()?.parse().ok();
    let nodes = State::running(home)?.nodes;
    let nodes: Option<Vec<_>> = nodes.iter().map(|node| address(&node.url)).collect();
    nodes.filter(|nodes| !nodes.is_empty()).context("the cluster has no nodes to log in at")
}

/// Everybody, with some others each. Whose turn it is goes round, so it is shuffled.
fn friends(users: &[SessionId]) -> Vec<(SessionId, SessionId)> {
    let mut pairs: Vec<_> = users
        .iter()
        .enumerate()
        .flat_map(|(at, user)| {
            let other = move || (at + fastrand::usize(1..users.len())) % users.len();
            (0..FRIENDS).map(move |_| (*user, users[other()]))
        })
        .collect();
    fastrand::shuffle(&mut pairs);
    pairs
}
