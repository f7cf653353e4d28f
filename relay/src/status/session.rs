//! One status stream: the history, then what happens, and the operator's commands.

use std::{rc::Rc, sync::Arc};

use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
use serde::Deserialize;
use thiserror::Error;
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    task::JoinSet,
    time::{self, error::Elapsed},
};
use tracing::{debug, info, warn};
use trunkline_certs::{Identity, Role};
use trunkline_link::{close_code, defaults::HANDSHAKE_TIMEOUT};
use trunkline_protocol::status::{CommandRequest, STATUS_VERSION, StatusLine, StatusRequest};

use super::{
    Desk, Done, Operator, Published, encode,
    lines::{BadLine, Lines},
};
use crate::defaults::{COMMANDS_MAX, INTERVAL_MS, STATUS_WRITE_TIMEOUT};

/// Why a status stream ended. The text is fit to be the reason of a QUIC close.
#[derive(Debug, Error)]
enum End {
    #[error("{0}")]
    Lost(#[from] ConnectionError),
    #[error("the stream was stopped")]
    Stopped,
    #[error("nothing was asked for, or nothing read, in time")]
    Silent(#[from] Elapsed),
    #[error("{0}")]
    BadLine(#[from] BadLine),
    #[error("the first line is no request such as {{\"interval_ms\":500}}: {0}")]
    BadRequest(serde_json::Error),
    #[error("a command needs a number as its id: {0}")]
    BadCommand(serde_json::Error),
    #[error("the relay is stopping")]
    Stopping,
}

impl End {
    fn code(&self) -> VarInt {
        match self {
            Self::Lost(_) | Self::Stopped | Self::Stopping => close_code::BYE,
            Self::Silent(_) => close_code::SILENT,
            Self::BadLine(_) | Self::BadRequest(_) | Self::BadCommand(_) => close_code::MALFORMED,
        }
    }
}

/// Serves an operator until the connection ends.
pub(super) async fn serve(desk: &Rc<Desk>, operator: Operator) {
    let Operator { connection, peer } = operator;
    info!(who = %peer, "an operator looks");
    let Err(end) = run(desk, &connection, &peer).await;
    match &end {
        End::Lost(_) | End::Stopped | End::Stopping => {
            debug!(who = %peer, "an operator left: {end}")
        }
        _ => {
            if let Some(line) = desk.log_throttle.admit(&format!("{peer}: {end}")) {
                let suppressed = line.suppressed;
                warn!(who = %peer, suppressed, "an operator was sent away: {end}");
            }
        }
    }
    connection.close(end.code(), end.to_string().as_bytes());
}

async fn run(
    desk: &Rc<Desk>,
    connection: &Connection,
    peer: &Identity,
) -> Result<std::convert::Infallible, End> {
    let (stream, commands, request) = time::timeout(HANDSHAKE_TIMEOUT, greet(connection)).await??;
    let interval_ms = request.interval_ms.clamp(*INTERVAL_MS.start(), *INTERVAL_MS.end());
    let session = Session {
        desk,
        who: peer.to_string(),
        may_act: peer.role == Role::Admin,
        stream,
        commands: Some(commands),
        acting: JoinSet::new(),
    };
    session.run(connection, interval_ms).await
}

async fn greet(connection: &Connection) -> Result<(SendStream, Commands, StatusRequest), End> {
    let (stream, receiving) = connection.accept_bi().await?;
    let mut commands = Lines::new(receiving);
    let line = commands.next().await?.ok_or(End::Stopped)?;
    let request = serde_json::from_slice(&line).map_err(End::BadRequest)?;
    Ok((stream, commands, request))
}

type Commands = Lines<RecvStream>;

struct Session<'a> {
    desk: &'a Rc<Desk>,
    who: String,
    may_act: bool,
    stream: SendStream,
    /// `None` when the client has no more to say.
    commands: Option<Commands>,
    /// The commands that are being carried out. A test message may take until its deadline.
    acting: JoinSet<(u64, Done)>,
}

impl Session<'_> {
    async fn run(
        mut self,
        connection: &Connection,
        interval_ms: u64,
    ) -> Result<std::convert::Infallible, End> {
        // Without a pause in between, nothing is missed and nothing comes twice.
        let mut events = self.desk.events.subscribe();
        let mut snapshots = self.desk.snapshots(interval_ms);
        let history = self.desk.history.borrow().replay();
        self.write(&self.hello()).await?;
        for line in history {
            self.write(&line).await?;
        }
        loop {
            tokio::select! {
                biased;
                lost = connection.closed() => return Err(lost.into()),
                // A person waits for the answer.
                Some(done) = self.acting.join_next() => {
                    let (id, done) = done.expect("a command does not panic");
                    self.answer(id, done).await?;
                }
                line = next(&mut self.commands), if self.acting.len() < COMMANDS_MAX => {
                    self.command(line?).await?;
                }
                event = events.recv() => match event {
                    Ok(line) => self.write(&line).await?,
                    Err(RecvError::Lagged(missed)) => debug!(who = self.who, missed, "events were missed"),
                    Err(RecvError::Closed) => return Err(End::Stopping),
                },
                changed = snapshots.changed() => {
                    changed.map_err(|_| End::Stopping)?;
                    self.snapshot(&mut snapshots).await?;
                }
            }
        }
    }

    fn hello(&self) -> Arc<str> {
        let relay = self.desk.name.clone();
        encode(&StatusLine::Hello { version: STATUS_VERSION, relay, may_act: self.may_act })
    }

    async fn snapshot(
        &mut self,
        snapshots: &mut watch::Receiver<Option<Arc<Published>>>,
    ) -> Result<(), End> {
        let published = snapshots.borrow_and_update().clone();
        match published {
            Some(published) => self.write(&published.line).await,
            None => Ok(()),
        }
    }

    async fn command(&mut self, line: Option<Vec<u8>>) -> Result<(), End> {
        let Some(line) = line else {
            self.commands = None;
            return Ok(());
        };
        match serde_json::from_slice::<CommandRequest>(&line) {
            Ok(command) if self.may_act => self.act(command),
            Ok(command) => {
                if let Some(line) = self.desk.log_throttle.admit(&self.who) {
                    let suppressed = line.suppressed;
                    warn!(who = self.who, ?command, suppressed, "a viewer's command was refused");
                }
                let words = format!("{} may look and not act: use an admin certificate", self.who);
                self.answer(command.id, Err(words)).await?;
            }
            Err(error) => {
                self.answer(id_of(&line)?, Err(format!("this is no command: {error}"))).await?;
            }
        }
        Ok(())
    }

    fn act(&mut self, CommandRequest { id, action }: CommandRequest) {
        let (desk, who) = (self.desk.clone(), self.who.clone());
        self.acting.spawn_local(async move { (id, desk.act(who, action).await) });
    }

    async fn answer(&mut self, id: u64, done: Done) -> Result<(), End> {
        let (walk, error) = match done {
            Ok(walk) => (walk, None),
            Err(error) => (None, Some(error)),
        };
        self.write(&encode(&StatusLine::Answer { id, error, trace: walk })).await
    }

    async fn write(&mut self, line: &str) -> Result<(), End> {
        let writing = self.stream.write_all(line.as_bytes());
        time::timeout(STATUS_WRITE_TIMEOUT, writing).await?.map_err(|_| End::Stopped)
    }
}

async fn next(commands: &mut Option<Commands>) -> Result<Option<Vec<u8>>, BadLine> {
    match commands {
        Some(commands) => commands.next().await,
        None => std::future::pending().await,
    }
}

fn id_of(line: &[u8]) -> Result<u64, End> {
    #[derive(Deserialize)]
    struct Numbered {
        id: u64,
    }
    serde_json::from_slice::<Numbered>(line).map(|numbered| numbered.id).map_err(End::BadCommand)
}
