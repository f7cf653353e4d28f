//! Serves the status streams, and keeps the history.

use std::sync::Arc;

use tokio::{
    sync::{broadcast, mpsc},
    task::JoinSet,
};
use tracing::{Instrument, info_span, warn};
use trunkline_certs::Identity;
use trunkline_link::close_code;
use trunkline_ops::LogThrottle;
use trunkline_protocol::{
    Name,
    status::{ClusterEvent, StatusLine},
};

use super::{
    admin_session,
    history::StatusHistory,
    request::{AdminConnection, ControlRequest},
    snapshots::{SnapshotPublisher, SnapshotReceiver, SnapshotSource},
    status_line::encode_line,
    status_stream::{SessionContext, SubscribeRequest, Subscription},
    stream_places::StreamPlaces,
};
use crate::{
    defaults::{EVENTS_WAITING_MAX, RECENT_EVERY, STATUS_CLIENTS_MAX},
    supervise::joined,
};

static THROTTLE: LogThrottle = LogThrottle::new();

/// Owns what all status streams share.
#[derive(Debug)]
pub(super) struct AdminServer {
    history: StatusHistory,
    events: broadcast::Sender<Arc<str>>,
    publisher: SnapshotPublisher,
    /// Each returns whose it was.
    sessions: JoinSet<Identity>,
    places: StreamPlaces,
    streams_ever: u64,
    context: SessionContext,
    subscriptions: mpsc::Receiver<SubscribeRequest>,
}

impl AdminServer {
    pub(super) fn new(
        relay: Name,
        requests: mpsc::Sender<ControlRequest>,
        source: SnapshotSource,
    ) -> Self {
        let (subscribe, subscriptions) = mpsc::channel(STATUS_CLIENTS_MAX);
        Self {
            history: StatusHistory::default(),
            events: broadcast::Sender::new(EVENTS_WAITING_MAX),
            publisher: SnapshotPublisher::new(source),
            sessions: JoinSet::new(),
            places: StreamPlaces::default(),
            streams_ever: 0,
            context: SessionContext { relay, requests, subscriptions: subscribe },
            subscriptions,
        }
    }

    /// The snapshots that the history keeps.
    pub(super) fn recent_snapshots(&mut self) -> SnapshotReceiver {
        self.publisher.subscribe(RECENT_EVERY.as_millis() as u64)
    }

    /// Runs until the data path has ended.
    pub(super) async fn run(
        mut self,
        mut events: mpsc::Receiver<ClusterEvent>,
        mut admins: mpsc::Receiver<AdminConnection>,
    ) {
        let mut snapshots = self.recent_snapshots();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.record_event(event),
                    None => return,
                },
                admin = admins.recv() => match admin {
                    Some(admin) => self.accept(admin),
                    None => return,
                },
                Some(request) = self.subscriptions.recv() => self.subscribe(request),
                Ok(()) = snapshots.changed() => {
                    if let Some(published) = &*snapshots.borrow_and_update() {
                        self.history.snapshot(published.snapshot.at_ms, published.line.clone());
                    }
                }
                Some(ended) = self.sessions.join_next() => self.places.give_back(&joined(ended)),
                () = self.publisher.maintain() => {}
            }
        }
    }

    fn accept(&mut self, admin: AdminConnection) {
        if let Err(reason) = self.places.take(&admin.peer) {
            if let Some(line) = THROTTLE.admit(reason) {
                let suppressed = line.suppressed;
                warn!(who = %admin.peer, reason, suppressed, "status stream refused");
            }
            admin.connection.close(close_code::FULL, reason.as_bytes());
            return;
        }
        let peer = admin.peer.clone();
        self.streams_ever += 1;
        let span = info_span!("status_stream", stream = self.streams_ever, who = %admin.peer);
        let session = admin_session::serve(self.context.clone(), admin);
        self.sessions.spawn(async move {
            session.instrument(span).await;
            peer
        });
    }

    /// In one step, so that the subscriber misses nothing and gets nothing twice.
    fn subscribe(&mut self, request: SubscribeRequest) {
        let subscription = Subscription {
            history: self.history.replay(),
            events: self.events.subscribe(),
            snapshots: self.publisher.subscribe(request.interval_ms),
        };
        // The session may have ended meanwhile.
        let _ = request.response.send(subscription);
    }

    fn record_event(&mut self, event: ClusterEvent) {
        let at_ms = event.at_ms;
        let line = encode_line(&StatusLine::Event(event));
        self.history.event(at_ms, line.clone());
        // There may be no session.
        let _ = self.events.send(line);
    }
}
