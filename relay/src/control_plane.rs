//! The control plane: a thread for what may be slow, so that it costs the data path nothing: the
//! directory worker, the status streams, and the operations endpoint.
//!
//! It asks the data path by [`ControlRequest`] and gets a [`CommandResponse`] or a snapshot; the data
//! path asks it by [`DirectoryCommand`] and gets a [`DirectoryReply`].

mod admin_server;
mod admin_session;
mod command_lines;
mod directory_worker;
mod health;
mod history;
mod metrics;
mod request;
mod snapshots;
mod status_line;
mod status_stream;
mod stream_places;

use std::{io, net::TcpListener, thread};

use tokio::{
    runtime,
    sync::{mpsc, oneshot},
};
use tracing::error;
use trunkline_directory::Directory;
use trunkline_protocol::{Name, status::ClusterEvent};

use crate::{
    defaults::{
        DIRECTORY_COMMANDS_MAX, DIRECTORY_REPLIES_MAX, EVENTS_WAITING_MAX, REQUESTS_MAX,
        STATUS_CLIENTS_MAX,
    },
    liveness::{DirectoryCommand, DirectoryReply},
};
use admin_server::AdminServer;
use health::RelayMonitor;
use snapshots::SnapshotSource;

pub(crate) use request::{AdminConnection, CommandError, CommandResponse, ControlRequest};

/// The data path's ends of the channels.
pub(crate) struct ControlPlane {
    /// For the directory worker.
    pub(crate) commands: mpsc::Sender<DirectoryCommand>,
    /// From the directory worker.
    pub(crate) replies: mpsc::Receiver<DirectoryReply>,
    /// For the status streams.
    pub(crate) events: mpsc::Sender<ClusterEvent>,
    /// For the admin server.
    pub(crate) admins: mpsc::Sender<AdminConnection>,
    /// From the status streams.
    pub(crate) requests: mpsc::Receiver<ControlRequest>,
    /// Stops the control plane when it is dropped.
    pub(crate) stop: oneshot::Sender<()>,
    /// Completes when the control plane has ended.
    pub(crate) ended: oneshot::Receiver<()>,
}

/// The control plane's ends.
struct ControlPlaneTask {
    name: Name,
    directory: Directory,
    ops: Option<TcpListener>,
    commands: mpsc::Receiver<DirectoryCommand>,
    replies: mpsc::Sender<DirectoryReply>,
    events: mpsc::Receiver<ClusterEvent>,
    admins: mpsc::Receiver<AdminConnection>,
    requests: mpsc::Sender<ControlRequest>,
    stop: oneshot::Receiver<()>,
}

/// Starts the thread.
pub(crate) fn start(
    name: Name,
    directory: Directory,
    ops: Option<TcpListener>,
) -> io::Result<ControlPlane> {
    let (commands, commands_end) = mpsc::channel(DIRECTORY_COMMANDS_MAX);
    let (replies_end, replies) = mpsc::channel(DIRECTORY_REPLIES_MAX);
    let (events, events_end) = mpsc::channel(EVENTS_WAITING_MAX);
    let (admins, admins_end) = mpsc::channel(STATUS_CLIENTS_MAX);
    let (requests_end, requests) = mpsc::channel(REQUESTS_MAX);
    let (stop, stop_end) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let task = ControlPlaneTask {
        name,
        directory,
        ops,
        commands: commands_end,
        replies: replies_end,
        events: events_end,
        admins: admins_end,
        requests: requests_end,
        stop: stop_end,
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("control-plane".into()).spawn(move || {
        runtime.block_on(task.run());
        // The data path may have given up waiting.
        let _ = end.send(());
    })?;
    Ok(ControlPlane { commands, replies, events, admins, requests, stop, ended })
}

impl ControlPlaneTask {
    async fn run(self) {
        let source = SnapshotSource::new(self.requests.clone(), self.directory.clone());
        let mut server = AdminServer::new(self.name, self.requests, source);
        let monitor = RelayMonitor::new(server.recent_snapshots());
        let served = self.ops.map_or(Ok(()), |ops| trunkline_ops::serve(ops, monitor));
        if let Err(error) = served {
            return error!("the operations endpoint cannot be served: {error}");
        }
        tokio::select! {
            _ = self.stop => {}
            () = directory_worker::run(self.directory, self.commands, self.replies) => {}
            () = server.run(self.events, self.admins) => {}
        }
    }
}
