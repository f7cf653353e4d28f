//! One status stream: the history, then events and snapshots, and the admin's commands.

use std::{convert::Infallible, io, sync::Arc};

use futures_util::StreamExt;
use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
use serde::Deserialize;
use thiserror::Error;
use tokio::{
    sync::{broadcast::error::RecvError, oneshot},
    task::JoinSet,
    time::{self, error::Elapsed},
};
use tokio_util::codec::{FramedRead, LinesCodecError};
use tracing::{debug, info, warn};
use trunkline_certs::Role;
use trunkline_link::{close_code, defaults::HANDSHAKE_TIMEOUT};
use trunkline_ops::LogThrottle;
use trunkline_protocol::status::{
    AdminCommand, CommandRequest, REQUEST_BYTES_MAX, STATUS_VERSION, StatusLine, StatusRequest,
    Trace,
};

use super::{
    command_lines::{CommandLines, command_lines},
    request::{AdminConnection, CommandError, CommandResponse, ControlRequest},
    snapshots::SnapshotReceiver,
    status_line::encode_line,
    status_stream::{SessionContext, SubscribeRequest, Subscription},
};
use crate::{
    defaults::{COMMANDS_MAX, INTERVAL_MS, STATUS_WRITE_TIMEOUT},
    supervise::joined,
};

static THROTTLE: LogThrottle = LogThrottle::new();

type Commands = FramedRead<RecvStream, CommandLines>;

/// Why a status stream ended. The text is sent as the reason of the QUIC close.
#[derive(Debug, Error)]
enum StreamEnd {
    #[error("{0}")]
    Lost(#[from] ConnectionError),
    #[error("the stream was stopped")]
    Stopped,
    #[error("nothing was requested, or nothing read, in time")]
    Silent(#[from] Elapsed),
    #[error("a line has at most {REQUEST_BYTES_MAX} bytes")]
    LineTooLong,
    #[error("a line cannot be read: {0}")]
    BadLine(io::Error),
    #[error("the first line is no request such as {{\"interval_ms\":500}}: {0}")]
    BadRequest(serde_json::Error),
    #[error("a command needs a number as its id: {0}")]
    BadCommand(serde_json::Error),
    #[error("the relay is shutting down")]
    ShuttingDown,
}

impl StreamEnd {
    fn code(&self) -> VarInt {
        match self {
            Self::Lost(_) | Self::Stopped | Self::ShuttingDown => close_code::BYE,
            Self::Silent(_) => close_code::SILENT,
            Self::LineTooLong | Self::BadLine(_) | Self::BadRequest(_) | Self::BadCommand(_) => {
                close_code::MALFORMED
            }
        }
    }
}

impl From<LinesCodecError> for StreamEnd {
    fn from(error: LinesCodecError) -> Self {
        match error {
            LinesCodecError::MaxLineLengthExceeded => Self::LineTooLong,
            LinesCodecError::Io(error) => Self::BadLine(error),
        }
    }
}

/// Serves a status stream until the connection ends.
pub(super) async fn serve(context: SessionContext, admin: AdminConnection) {
    let AdminConnection { connection, peer } = admin;
    info!("admin connected");
    let (who, may_act) = (peer.to_string(), peer.role == Role::Admin);
    let Err(end) = run(context, &connection, who.clone(), may_act).await;
    match &end {
        StreamEnd::Lost(_) | StreamEnd::Stopped | StreamEnd::ShuttingDown => {
            debug!("admin disconnected: {end}");
        }
        _ => {
            if let Some(line) = THROTTLE.admit(&format!("{who}: {end}")) {
                warn!(suppressed = line.suppressed, "status stream closed: {end}");
            }
        }
    }
    connection.close(end.code(), end.to_string().as_bytes());
}

async fn run(
    context: SessionContext,
    connection: &Connection,
    who: String,
    may_act: bool,
) -> Result<Infallible, StreamEnd> {
    let requesting = time::timeout(HANDSHAKE_TIMEOUT, read_request(connection));
    let (stream, commands, request) = requesting.await??;
    let interval_ms = request.interval_ms.clamp(*INTERVAL_MS.start(), *INTERVAL_MS.end());
    let subscription = subscribe(&context, interval_ms).await.ok_or(StreamEnd::ShuttingDown)?;
    let commands = Some(commands);
    let session = AdminSession { context, who, may_act, stream, commands, running: JoinSet::new() };
    session.run(connection, subscription).await
}

async fn read_request(
    connection: &Connection,
) -> Result<(SendStream, Commands, StatusRequest), StreamEnd> {
    let (stream, receiving) = connection.accept_bi().await?;
    let mut commands = command_lines(receiving);
    let line = commands.next().await.ok_or(StreamEnd::Stopped)??;
    let request = serde_json::from_str(&line).map_err(StreamEnd::BadRequest)?;
    Ok((stream, commands, request))
}

async fn subscribe(context: &SessionContext, interval_ms: u64) -> Option<Subscription> {
    let (response, subscribed) = oneshot::channel();
    context.subscriptions.send(SubscribeRequest { interval_ms, response }).await.ok()?;
    subscribed.await.ok()
}

struct AdminSession {
    context: SessionContext,
    who: String,
    may_act: bool,
    stream: SendStream,
    /// `None` when the client has finished its stream.
    commands: Option<Commands>,
    /// A delivery test may take until its deadline; the stream continues meanwhile.
    running: JoinSet<(u64, CommandResponse)>,
}

impl AdminSession {
    async fn run(
        mut self,
        connection: &Connection,
        subscription: Subscription,
    ) -> Result<Infallible, StreamEnd> {
        let Subscription { history, mut events, mut snapshots } = subscription;
        self.write(&self.hello()).await?;
        for line in history {
            self.write(&line).await?;
        }
        loop {
            tokio::select! {
                biased;
                lost = connection.closed() => return Err(lost.into()),
                // A person waits for the answer.
                Some(ended) = self.running.join_next() => {
                    let (id, response) = joined(ended);
                    self.answer(id, response.map_err(|error| error.to_string())).await?;
                }
                line = next_line(&mut self.commands), if self.running.len() < COMMANDS_MAX => {
                    self.command_line(line?).await?;
                }
                event = events.recv() => match event {
                    Ok(line) => self.write(&line).await?,
                    Err(RecvError::Lagged(missed)) => debug!(missed, "the client missed events"),
                    Err(RecvError::Closed) => return Err(StreamEnd::ShuttingDown),
                },
                changed = snapshots.changed() => {
                    changed.map_err(|_| StreamEnd::ShuttingDown)?;
                    self.snapshot(&mut snapshots).await?;
                }
            }
        }
    }

    fn hello(&self) -> Arc<str> {
        let relay = self.context.relay.clone();
        encode_line(&StatusLine::Hello { version: STATUS_VERSION, relay, may_act: self.may_act })
    }

    async fn snapshot(&mut self, snapshots: &mut SnapshotReceiver) -> Result<(), StreamEnd> {
        let published = snapshots.borrow_and_update().clone();
        match published {
            Some(published) => self.write(&published.line).await,
            None => Ok(()),
        }
    }

    async fn command_line(&mut self, line: Option<String>) -> Result<(), StreamEnd> {
        let Some(line) = line else {
            self.commands = None;
            return Ok(());
        };
        match serde_json::from_str::<CommandRequest>(&line) {
            Ok(CommandRequest { id, action }) if self.may_act => {
                let execution = execute(self.context.clone(), self.who.clone(), action);
                self.running.spawn(async move { (id, execution.await) });
                Ok(())
            }
            Ok(command) => {
                if let Some(line) = THROTTLE.admit(&self.who) {
                    let suppressed = line.suppressed;
                    warn!(?command, suppressed, "command refused: a viewer may not act");
                }
                let text = format!("{} may only view: use an admin certificate", self.who);
                self.answer(command.id, Err(text)).await
            }
            Err(error) => {
                self.answer(id_of(&line)?, Err(format!("this is no command: {error}"))).await
            }
        }
    }

    async fn answer(
        &mut self,
        id: u64,
        response: Result<Option<Box<Trace>>, String>,
    ) -> Result<(), StreamEnd> {
        let (trace, error) = match response {
            Ok(trace) => (trace, None),
            Err(error) => (None, Some(error)),
        };
        self.write(&encode_line(&StatusLine::Answer { id, error, trace })).await
    }

    async fn write(&mut self, line: &str) -> Result<(), StreamEnd> {
        let writing = self.stream.write_all(line.as_bytes());
        time::timeout(STATUS_WRITE_TIMEOUT, writing).await?.map_err(|_| StreamEnd::Stopped)
    }
}

async fn execute(context: SessionContext, who: String, command: AdminCommand) -> CommandResponse {
    let (response, executed) = oneshot::channel();
    let request = ControlRequest::Execute { who, command, response };
    context.requests.send(request).await.map_err(|_| CommandError::ShuttingDown)?;
    executed.await.map_err(|_| CommandError::ShuttingDown)?
}

async fn next_line(commands: &mut Option<Commands>) -> Result<Option<String>, LinesCodecError> {
    match commands {
        Some(commands) => commands.next().await.transpose(),
        None => std::future::pending().await,
    }
}

fn id_of(line: &str) -> Result<u64, StreamEnd> {
    #[derive(Deserialize)]
    struct Numbered {
        id: u64,
    }
    let numbered = serde_json::from_str::<Numbered>(line);
    numbered.map(|numbered| numbered.id).map_err(StreamEnd::BadCommand)
}
