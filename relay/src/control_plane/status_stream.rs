//! What the admin server and its sessions exchange.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot};
use trunkline_protocol::Name;

use super::{request::ControlRequest, snapshots::SnapshotReceiver};

/// What a session gets from the admin server.
#[derive(Clone, Debug)]
pub(super) struct SessionContext {
    pub(super) relay: Name,
    /// Requests to the data path.
    pub(super) requests: mpsc::Sender<ControlRequest>,
    /// Requests to the admin server.
    pub(super) subscriptions: mpsc::Sender<SubscribeRequest>,
}

/// A session asks for a status stream.
#[derive(Debug)]
pub(super) struct SubscribeRequest {
    pub(super) interval_ms: u64,
    pub(super) response: oneshot::Sender<Subscription>,
}

/// A status stream from one moment on: what was before is in the history, what comes after arrives
/// on the channels.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) history: Vec<Arc<str>>,
    pub(super) events: broadcast::Receiver<Arc<str>>,
    pub(super) snapshots: SnapshotReceiver,
}
