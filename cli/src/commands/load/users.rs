//! The users: a task each, which sends what is due and counts what comes back.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{sync::mpsc, task::JoinSet, time::sleep};
use trunkline_client::{Client, ClientError, ErrorFrame, Frame, ReceivedMessage, SendReceipt};

use super::{body::LoadStamp, pacer::PacedSend, tally::SharedTally};
use crate::{
    defaults::{LOAD_DUE_MAX, LOAD_LOGINS_AT_ONCE, LOAD_RECONNECT_MS},
    state::{ClusterState, Home},
};

/// The users of a load. They leave when this is dropped.
#[derive(Debug)]
pub(super) struct Users {
    home: Home,
    body_bytes: usize,
    tally: SharedTally,
    tasks: JoinSet<Result<Infallible>>,
}

impl Users {
    pub(super) fn new(home: &Home, body_bytes: usize, tally: &SharedTally) -> Self {
        let (home, tally) = (home.clone(), tally.clone());
        Self { home, body_bytes, tally, tasks: JoinSet::new() }
    }

    /// Logs users with these names in, over all nodes, and returns where what each is to send goes.
    pub(super) async fn log_in(
        &mut self,
        names: &[Arc<str>],
    ) -> Result<Vec<mpsc::Sender<PacedSend>>> {
        let nodes = ClusterState::running(&self.home)?.nodes;
        let logins = names.iter().zip(nodes.iter().cycle()).map(async |(name, node)| {
            let client = Client::login(&node.url, name).await;
            client.with_context(|| format!("{name} cannot log in at {}", node.name))
        });
        let mut clients = stream::iter(logins).buffered(LOAD_LOGINS_AT_ONCE);
        let mut queues = Vec::new();
        // Each reads at once: those who wait for the others have pings to answer.
        while let Some(client) = clients.try_next().await? {
            let (queue, due) = mpsc::channel(LOAD_DUE_MAX);
            let user = User {
                name: Arc::clone(&names[queues.len()]),
                home: self.home.clone(),
                body_bytes: self.body_bytes,
                due,
                received: HashMap::new(),
                tally: self.tally.clone(),
            };
            self.tasks.spawn(user.run(client));
            queues.push(queue);
        }
        Ok(queues)
    }

    /// Waits until a user gives up. Cancel-safe.
    pub(super) async fn next_end(&mut self) -> Result<()> {
        match self.tasks.join_next().await {
            Some(ended) => ended?.map(|never| match never {}),
            None => Ok(()),
        }
    }
}

/// One user, connected or about to be again.
struct User {
    name: Arc<str>,
    home: Home,
    body_bytes: usize,
    due: mpsc::Receiver<PacedSend>,
    /// The last message that came from each sender.
    received: HashMap<String, u64>,
    tally: SharedTally,
}

impl User {
    /// Sends and reads, and logs in again wherever it can when its connection ends.
    async fn run(mut self, client: Client) -> Result<Infallible> {
        // A load of a low rate leaves users idle for long.
        let mut client = client.with_timeout(Duration::MAX);
        loop {
            self.tally.note_online();
            // Why it ended does not matter: the display shows how many are offline.
            let mut waiting = 0;
            let _ = self.converse(&mut client, &mut waiting).await;
            self.tally.note_offline();
            self.tally.count(|counts| counts.connection_ended += waiting);
            client = self.reconnect().await?.with_timeout(Duration::MAX);
            // What was due meanwhile would all be sent at once.
            while self.due.try_recv().is_ok() {}
        }
    }

    /// Sends and reads until the connection ends. Counts the sends without an outcome in `waiting`.
    async fn converse(
        &mut self,
        client: &mut Client,
        waiting: &mut u64,
    ) -> Result<Infallible, ClientError> {
        let mut id = 0_u64;
        loop {
            tokio::select! {
                biased;
                frame = client.next_frame() => *waiting -= self.note(frame?),
                Some(PacedSend { to, stamp }) = self.due.recv() => {
                    id += 1;
                    *waiting += 1;
                    self.tally.count(|counts| counts.sent += 1);
                    client.send(&id.to_string(), &to, &stamp.body(self.body_bytes)).await?;
                }
            }
        }
    }

    /// Tries nodes at random, as the one it had may be gone for good.
    async fn reconnect(&self) -> Result<Client> {
        loop {
            sleep(Duration::from_millis(fastrand::u64(LOAD_RECONNECT_MS))).await;
            let nodes = ClusterState::running(&self.home)?.nodes;
            let Some(node) = fastrand::choice(nodes) else { continue };
            if let Ok(client) = Client::login(&node.url, &self.name).await {
                return Ok(client);
            }
        }
    }

    /// Counts what a frame says. Returns how many sends have their outcome by it.
    fn note(&mut self, frame: Frame) -> u64 {
        match frame {
            Frame::Welcome(_) | Frame::Refreshed(_) | Frame::Pong => 0,
            Frame::Message(message) => {
                self.note_message(message);
                0
            }
            Frame::Receipt(SendReceipt { outcome, .. }) => {
                self.tally.count(|counts| counts.note_outcome(&outcome));
                1
            }
            Frame::Error(ErrorFrame { id, .. }) => {
                let refused = u64::from(id.is_some());
                self.tally.count(|counts| counts.refused += refused);
                refused
            }
        }
    }

    fn note_message(&mut self, message: ReceivedMessage) {
        let Some(stamp) = LoadStamp::parse(message.body.get()) else { return };
        self.tally.note_arrival(stamp);
        let last = self.received.insert(message.from, stamp.sequence);
        if last.is_some_and(|last| last >= stamp.sequence) {
            self.tally.count(|counts| counts.out_of_order += 1);
        }
    }
}
