//! The status streams: what operators see, and the commands they give.

mod history;
mod lines;
mod pace;
mod session;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use quinn::Connection;
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    task,
};
use tracing::warn;
use trunkline_certs::Identity;
use trunkline_link::close_code;
use trunkline_ops::LogThrottle;
use trunkline_protocol::{
    Name,
    status::{AdminCommand, ClusterEvent, Snapshot, StatusLine},
};

use crate::{
    defaults::{EVENTS_WAITING_MAX, RECENT_EVERY, STATUS_CLIENTS_MAX},
    side::{Ask, Done},
};
use history::History;
use pace::Paces;

pub(crate) use pace::Published;

/// An operator who has dialled, and may.
#[derive(Debug)]
pub(crate) struct Operator {
    /// The connection, on which nothing was accepted yet.
    pub(crate) connection: Connection,
    /// Who it is.
    pub(crate) peer: Identity,
}

/// What all status streams share.
#[derive(Debug)]
pub(crate) struct Desk {
    name: Name,
    asks: mpsc::Sender<Ask>,
    history: RefCell<History>,
    events: broadcast::Sender<Arc<str>>,
    paces: Paces,
    clients: Cell<usize>,
    log_throttle: LogThrottle,
}

/// Serves operators, and keeps the history, until the data path is gone.
pub(crate) async fn run(
    desk: &Rc<Desk>,
    mut events: mpsc::Receiver<ClusterEvent>,
    mut operators: mpsc::Receiver<Operator>,
) {
    let mut snapshots = desk.snapshots(RECENT_EVERY.as_millis() as u64);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => desk.record_event(event),
                None => return,
            },
            operator = operators.recv() => match operator {
                Some(operator) => desk.receive(operator),
                None => return,
            },
            Ok(()) = snapshots.changed() => {
                let published = snapshots.borrow_and_update().clone();
                published.iter().for_each(|published| desk.record_snapshot(published));
            }
        }
    }
}

impl Desk {
    /// A desk that asks the data path through `asks`.
    pub(crate) fn new(name: Name, asks: mpsc::Sender<Ask>) -> Self {
        Self {
            name,
            asks,
            history: RefCell::default(),
            events: broadcast::Sender::new(EVENTS_WAITING_MAX),
            paces: Paces::default(),
            clients: Cell::new(0),
            log_throttle: LogThrottle::new(),
        }
    }

    /// The cluster at each interval. Whoever asks for the same interval shares the snapshots.
    pub(crate) fn snapshots(
        self: &Rc<Self>,
        interval_ms: u64,
    ) -> watch::Receiver<Option<Arc<Published>>> {
        pace::subscribe(self, interval_ms)
    }

    async fn snapshot(&self) -> Option<Box<Snapshot>> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Snapshot(answer)).await.ok()?;
        answered.await.ok()
    }

    async fn act(&self, who: String, action: AdminCommand) -> Done {
        let (answer, answered) = oneshot::channel();
        let stopped = || "the relay is stopping".to_owned();
        self.asks.send(Ask::Act { who, action, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    fn receive(self: &Rc<Self>, operator: Operator) {
        if self.clients.get() >= STATUS_CLIENTS_MAX {
            let too_many = "a status stream was refused: there are too many";
            if let Some(line) = self.log_throttle.admit(too_many) {
                warn!(who = %operator.peer, suppressed = line.suppressed, "{too_many}");
            }
            operator.connection.close(close_code::FULL, b"there are too many status streams");
            return;
        }
        self.clients.set(self.clients.get() + 1);
        let desk = self.clone();
        task::spawn_local(async move {
            session::serve(&desk, operator).await;
            desk.clients.set(desk.clients.get() - 1);
        });
    }

    fn record_event(&self, event: ClusterEvent) {
        let at_ms = event.at_ms;
        let line = encode(&StatusLine::Event(event));
        self.history.borrow_mut().event(at_ms, line.clone());
        // Nobody may be listening.
        let _ = self.events.send(line);
    }

    fn record_snapshot(&self, published: &Published) {
        self.history.borrow_mut().snapshot(published.snapshot.at_ms, published.line.clone());
    }
}

fn encode(line: &StatusLine) -> Arc<str> {
    let mut text = serde_json::to_string(line).expect("status lines are always JSON");
    text.push('\n');
    text.into()
}
