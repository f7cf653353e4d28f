//! When each message is due, with its sender and recipient.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::body::LoadStamp;

/// To how many others each user writes.
const RECIPIENTS: usize = 3;

/// A message that a user is to send now.
#[derive(Debug)]
pub(super) struct PacedSend {
    pub(super) to: Arc<str>,
    pub(super) stamp: LoadStamp,
}

/// What one user sends to another.
#[derive(Debug)]
struct Pair {
    from: mpsc::Sender<PacedSend>,
    to: Arc<str>,
    sequence: u64,
}

/// Releases messages at a steady rate, whatever arrives: a cluster that falls behind shows it.
#[derive(Debug)]
pub(super) struct Pacer {
    interval: Duration,
    start: Instant,
    pairs: Vec<Pair>,
}

impl Pacer {
    /// A pacer that starts now. The queue at an index is that of the user with the name there.
    pub(super) fn new(
        per_second: u32,
        start: Instant,
        names: &[Arc<str>],
        queues: Vec<mpsc::Sender<PacedSend>>,
    ) -> Self {
        let mut pairs = Vec::new();
        for (at, queue) in queues.into_iter().enumerate() {
            for step in steps(names.len()) {
                let to = Arc::clone(&names[(at + step) % names.len()]);
                pairs.push(Pair { from: queue.clone(), to, sequence: 0 });
            }
        }
        // Pairs take turns; without this, a user's messages would all be due together.
        fastrand::shuffle(&mut pairs);
        Self { interval: Duration::from_secs(1) / per_second, start, pairs }
    }

    /// Releases messages without end. A user that is offline, or slower than this, misses its turn.
    pub(super) async fn run(mut self) -> Infallible {
        let mut due = Instant::now();
        loop {
            for pair in &mut self.pairs {
                sleep_until(due).await;
                let stamp = LoadStamp { sequence: pair.sequence, due: due - self.start };
                pair.sequence += 1;
                let _ = pair.from.try_send(PacedSend { to: Arc::clone(&pair.to), stamp });
                due += self.interval;
            }
        }
    }
}

/// How far a user's recipients are from it among all names: different ones, none of them itself.
fn steps(users: usize) -> Vec<usize> {
    let others = users - 1;
    let first = fastrand::usize(..others);
    (0..RECIPIENTS.min(others)).map(|number| 1 + (first + number * 7) % others).collect()
}
