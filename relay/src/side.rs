//! The thread beside the data path: Redis, the status streams, and the operations endpoint. What
//! is slow there costs nothing here. The two sides only send each other messages.

use std::{io, net, rc::Rc, thread};

use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    task::LocalSet,
};
use tracing::error;
use trunkline_directory::Directory;
use trunkline_protocol::{
    Name,
    status::{AdminCommand, ClusterEvent, Snapshot, Trace},
};

use crate::{
    cleaner::{self, Report, Request},
    defaults::{
        ASKS_MAX, EVENTS_WAITING_MAX, RECENT_EVERY, REPORTS_MAX, REQUESTS_MAX, STATUS_CLIENTS_MAX,
    },
    figures::Figures,
    status::{self, Desk, Operator},
};

/// What the other side wants of the data path.
#[derive(Debug)]
pub(crate) enum Ask {
    /// How the cluster is.
    Snapshot(oneshot::Sender<Box<Snapshot>>),
    /// An operator's command.
    Act {
        /// Who gives it.
        who: String,
        /// What to do.
        action: AdminCommand,
        /// What came of it, or why it was refused.
        answer: oneshot::Sender<Done>,
    },
}

/// What came of a command: the walk of a test message, or nothing; or why it was refused.
pub(crate) type Done = Result<Option<Box<Trace>>, String>;

/// The data path's ends of what joins it to the other side.
pub(crate) struct Side {
    /// What Redis is to do.
    pub(crate) requests: mpsc::Sender<Request>,
    /// What became of it.
    pub(crate) reports: mpsc::Receiver<Report>,
    /// What happened.
    pub(crate) events: mpsc::Sender<ClusterEvent>,
    /// Operators who dialled.
    pub(crate) operators: mpsc::Sender<Operator>,
    /// What the other side wants.
    pub(crate) asks: mpsc::Receiver<Ask>,
    /// Stops the other side when it is dropped.
    pub(crate) stop: oneshot::Sender<()>,
    /// Completes when the other side has stopped.
    pub(crate) ended: oneshot::Receiver<()>,
}

/// The other side's ends.
struct Ends {
    requests: mpsc::Receiver<Request>,
    reports: mpsc::Sender<Report>,
    events: mpsc::Receiver<ClusterEvent>,
    operators: mpsc::Receiver<Operator>,
    asks: mpsc::Sender<Ask>,
    stop: oneshot::Receiver<()>,
}

/// Starts the thread.
pub(crate) fn start(
    name: Name,
    directory: Directory,
    ops: Option<net::TcpListener>,
) -> io::Result<Side> {
    let (requests, requests_there) = mpsc::channel(REQUESTS_MAX);
    let (reports_there, reports) = mpsc::channel(REPORTS_MAX);
    let (events, events_there) = mpsc::channel(EVENTS_WAITING_MAX);
    let (operators, operators_there) = mpsc::channel(STATUS_CLIENTS_MAX);
    let (asks_there, asks) = mpsc::channel(ASKS_MAX);
    let (stop, stop_there) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let there = Ends {
        requests: requests_there,
        reports: reports_there,
        events: events_there,
        operators: operators_there,
        asks: asks_there,
        stop: stop_there,
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("side".into()).spawn(move || {
        LocalSet::new().block_on(&runtime, run(name, directory, ops, there));
        let _ = end.send(());
    })?;
    Ok(Side { requests, reports, events, operators, asks, stop, ended })
}

async fn run(name: Name, directory: Directory, ops: Option<net::TcpListener>, ends: Ends) {
    let Ends { requests, reports, events, operators, asks, stop } = ends;
    let desk = Rc::new(Desk::new(name, asks));
    let figures = Figures(desk.snapshots(RECENT_EVERY.as_millis() as u64));
    let served = ops.map_or(Ok(()), |listener| trunkline_ops::serve(listener, figures));
    if let Err(error) = served {
        error!("the operations endpoint cannot be served: {error}");
        return;
    }
    tokio::select! {
        _ = stop => {}
        () = cleaner::run(directory, requests, reports) => {}
        () = status::run(&desk, events, operators) => {}
    }
}
