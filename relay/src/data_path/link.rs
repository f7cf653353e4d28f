//! The task that serves one link.

use std::{convert::Infallible, rc::Rc};

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{self, Instant, MissedTickBehavior},
};
use tracing::{Instrument, Span, debug, info};
use trunkline_link::{
    ControlReader,
    defaults::{CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT, HEARTBEAT},
};
use trunkline_ops::unix_ms;
use trunkline_protocol::{
    Name,
    control::{Hello, ToRelay},
};

use super::{
    lanes::{read_lane, write_lanes},
    liveness_probe::probe_port,
};
use crate::{
    defaults::CONTROL_PRIORITY,
    link_close_reason::LinkCloseReason,
    liveness::LinkId,
    state::{
        LinkControl, LinkInbox, LinkSignal, RelayState, SharedState, check_hello, logs_recovery,
    },
    supervise::joined,
    switch::Port,
};

type ControlStream = ControlReader<RecvStream, ToRelay>;
type Signals = mpsc::Receiver<LinkSignal>;

/// Serves an authorized connection as a link, until it ends.
pub(super) async fn serve(shared: &Rc<SharedState>, connection: Connection, name: Name) {
    let Err(reason) = run(shared, &connection, &name).await;
    let address = connection.remote_address();
    match &reason {
        LinkCloseReason::Lost(_) => debug!(%address, "link lost: {reason}"),
        _ if reason.is_rejection() => {
            shared.connection_rejected(name.as_str(), address, &reason.to_string());
        }
        _ => info!(%address, "link closed: {reason}"),
    }
    connection.close(reason.code(), reason.to_string().as_bytes());
}

async fn run(
    shared: &Rc<SharedState>,
    connection: &Connection,
    name: &Name,
) -> Result<Infallible, LinkCloseReason> {
    let greeting = time::timeout(HANDSHAKE_TIMEOUT, read_hello(connection));
    let (sending, control, hello) = greeting.await??;
    let incarnation = hello.incarnation;
    let (link_control, inbox) = LinkControl::new(Rc::new(connection.clone()));
    let LinkInbox { outbox, mut signals } = inbox;
    let (id, port) = shared
        .apply(|state, now| state.open_link(name.clone(), hello, link_control, unix_ms(), now))?;
    Span::current().record("link", id);
    let mut tasks = JoinSet::new();
    tasks.spawn_local(write_control(sending, outbox));
    let admission = tokio::select! {
        biased;
        lost = connection.closed() => Err(lost.into()),
        admission = admission(&mut signals) => admission,
    };
    let result = match admission {
        Ok(()) => {
            if logs_recovery(name.as_str()) {
                let address = connection.remote_address();
                info!(%incarnation, %address, "link up");
            }
            let (shared, connection) = (shared.clone(), connection.clone());
            LinkTask { shared, id, port, connection, control, signals, tasks }.run().await
        }
        Err(reason) => Err(reason),
    };
    shared.apply(|state, now| state.close_link(id, now));
    result
}

/// Accepts the control stream, and reads the hello.
async fn read_hello(
    connection: &Connection,
) -> Result<(SendStream, ControlStream, Hello), LinkCloseReason> {
    let (sending, receiving) = connection.accept_bi().await?;
    let _ = sending.set_priority(CONTROL_PRIORITY);
    let mut control = ControlStream::new(receiving);
    match control.read().await? {
        Some(ToRelay::Hello(hello)) => {
            check_hello(&hello)?;
            Ok((sending, control, hello))
        }
        Some(_) => Err(LinkCloseReason::NoHello),
        None => Err(LinkCloseReason::ControlFinished),
    }
}

struct LinkTask {
    shared: Rc<SharedState>,
    id: LinkId,
    port: Rc<Port>,
    connection: Connection,
    control: ControlStream,
    signals: Signals,
    /// Write the control stream, serve the lanes both ways, and probe the port. The end of any of
    /// them ends the link.
    tasks: JoinSet<LinkCloseReason>,
}

impl LinkTask {
    async fn run(mut self) -> Result<Infallible, LinkCloseReason> {
        let Err(reason) = self.run_inner().await;
        if matches!(reason, LinkCloseReason::IncarnationOver(_)) {
            // The node is to read that it was declared dead before the connection is closed.
            let _ = time::timeout(CLOSE_TIMEOUT, self.connection.closed()).await;
        }
        Err(reason)
    }

    async fn run_inner(&mut self) -> Result<Infallible, LinkCloseReason> {
        // Lanes are not in the link's span: entering it would cost something at each wake-up, and
        // what ends them is logged here.
        self.tasks.spawn_local(write_lanes(self.connection.clone(), self.port.clone()));
        let probing = probe_port(self.shared.clone(), self.id, self.connection.clone());
        self.tasks.spawn_local(probing.in_current_span());
        let mut heartbeat = time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heartbeats = 0;
        let connection = self.connection.clone();
        loop {
            tokio::select! {
                biased;
                // A decision about the link ends it, whatever else is ready.
                reason = closed(&mut self.signals) => return Err(reason),
                // Nothing more arrives.
                lost = connection.closed() => return Err(lost.into()),
                // Signs of life, before the work that they could wait behind.
                message = self.control.read() => {
                    let message = message?.ok_or(LinkCloseReason::ControlFinished)?;
                    let receive = |state: &mut RelayState, now| {
                        state.receive(self.id, message, unix_ms(), now)
                    };
                    self.shared.apply(receive)?;
                }
                Some(ended) = self.tasks.join_next() => return Err(joined(ended)),
                stream = connection.accept_uni() => self.open_lane(stream?),
                _ = heartbeat.tick() => {
                    heartbeats += 1;
                    self.shared.apply(|state, _| state.heartbeat(self.id, heartbeats));
                }
            }
        }
    }

    /// Lanes are numbered by the order in which the node opens them, and so are streams.
    fn open_lane(&mut self, stream: RecvStream) {
        let lane = stream.id().index() as usize;
        self.tasks.spawn_local(read_lane(self.shared.clone(), self.port.clone(), lane, stream));
    }
}

async fn admission(signals: &mut Signals) -> Result<(), LinkCloseReason> {
    match signals.recv().await {
        Some(LinkSignal::Admitted) => Ok(()),
        Some(LinkSignal::Close(reason)) => Err(reason),
        // The state keeps the other end until the link leaves.
        None => std::future::pending().await,
    }
}

async fn closed(signals: &mut Signals) -> LinkCloseReason {
    loop {
        if let Err(reason) = admission(signals).await {
            return reason;
        }
    }
}

async fn write_control(
    mut stream: SendStream,
    mut outbox: mpsc::Receiver<Bytes>,
) -> LinkCloseReason {
    while let Some(message) = outbox.recv().await {
        if stream.write_chunk(message).await.is_err() {
            return LinkCloseReason::ControlNotRead;
        }
    }
    LinkCloseReason::Left
}
