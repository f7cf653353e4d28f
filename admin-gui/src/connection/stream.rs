use std::{io, time::Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use quinn::{Connection, ConnectionError, SendStream, WriteError};
use serde::Serialize;
use thiserror::Error;
use tokio::{
    net::lookup_host,
    sync::mpsc,
    time::{sleep, timeout},
};
use tracing::{info, warn};
use trunkline_certs::{Alpn, RELAY_SERVER_NAME};
use trunkline_link::{BindError, DialError, DialSockets, Dialer, client_config, close_code};
use trunkline_ops::LogThrottle;
use trunkline_protocol::status::{CommandRequest, STATUS_VERSION, StatusLine, StatusRequest};

use super::{
    Feed, Update,
    lines::{Lines, LinesError},
    pace::Pace,
};
use crate::{
    config::Config,
    defaults::{CLOSE_TIMEOUT, INTERVAL, REDIAL_MAX, REDIAL_MIN, SILENCE},
};

/// Why the relay was lost, or could not be reached.
#[derive(Debug, Error)]
enum StreamError {
    #[error("its name cannot be looked up: {0}")]
    LookUp(io::Error),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("no UDP endpoint: {0}")]
    Endpoint(io::Error),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("nothing heard for {} s", SILENCE.as_secs())]
    Silent,
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("it ended the stream")]
    Ended,
    #[error(
        "it speaks version {0} of the status stream, this window {STATUS_VERSION}: update the older one"
    )]
    Version(u16),
}

/// There is nobody left to tell.
struct WindowClosed;

/// Feeds the window from the relay, over one connection after another, until the window's end of
/// the [`Connection`](super::Connection) is dropped. Calls `wake` when the window
/// is to be drawn.
pub async fn run(config: Config, mut feed: Feed, wake: impl Fn()) {
    let backoff = ExponentialBuilder::new().with_min_delay(REDIAL_MIN).with_max_delay(REDIAL_MAX);
    let backoff = backoff.without_max_times();
    let mut waits = backoff.build();
    let log_throttle = LogThrottle::new();
    let mut window = Window { updates: feed.updates, wake, pace: Pace::default(), heard: false };
    loop {
        let error = match session(&config, &mut window, &mut feed.commands).await {
            Ok(WindowClosed) => return,
            Err(error) => error,
        };
        if std::mem::take(&mut window.heard) {
            waits = backoff.build();
        }
        let wait = waits.next().expect("the back-off never ends");
        if let Some(line) = log_throttle.admit(&error.to_string()) {
            let (relay, suppressed) = (&config.relay, line.suppressed);
            warn!(%relay, %error, suppressed, "no status stream: dialling again");
        }
        let retry_at = Instant::now() + wait;
        if window.tell(Update::Lost { reason: error.to_string(), retry_at }).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep(wait) => {}
            () = window.updates.closed() => return,
        }
    }
}

/// The way to the window.
struct Window<W> {
    updates: mpsc::Sender<Update>,
    wake: W,
    pace: Pace,
    /// Whether the relay has said anything since it was dialled.
    heard: bool,
}

impl<W: Fn()> Window<W> {
    async fn tell(&mut self, update: Update) -> Result<(), WindowClosed> {
        self.heard |= matches!(update, Update::Line(_));
        let wakes = self.pace.wakes(&update, Instant::now());
        self.updates.send(update).await.map_err(|_| WindowClosed)?;
        if wakes {
            (self.wake)();
        }
        Ok(())
    }
}

/// One connection, from its dial to its loss.
async fn session<W: Fn()>(
    config: &Config,
    window: &mut Window<W>,
    commands: &mut mpsc::Receiver<CommandRequest>,
) -> Result<WindowClosed, StreamError> {
    if window.tell(Update::Dialling).await.is_err() {
        return Ok(WindowClosed);
    }
    let dialled = tokio::select! {
        dialled = dial(config) => dialled,
        () = window.updates.closed() => return Ok(WindowClosed),
    };
    let (dialer, connection) = dialled?;
    let closed = converse(&connection, window, commands).await;
    connection.close(close_code::BYE, b"the window was closed");
    dialer.wait_idle(CLOSE_TIMEOUT).await;
    closed
}

async fn dial(config: &Config) -> Result<(Dialer, Connection), StreamError> {
    let addresses = lookup_host((config.relay.host(), config.relay.port())).await;
    let addresses: Vec<_> = addresses.map_err(StreamError::LookUp)?.collect();
    let crypto = config.credentials.client_crypto(Alpn::Admin);
    let dialer = DialSockets::bind()?.dialer(&client_config(crypto));
    let dialer = dialer.map_err(StreamError::Endpoint)?;
    let (connection, _) = dialer.dial(&addresses, RELAY_SERVER_NAME).await?;
    Ok((dialer, connection))
}

async fn converse<W: Fn()>(
    connection: &Connection,
    window: &mut Window<W>,
    commands: &mut mpsc::Receiver<CommandRequest>,
) -> Result<WindowClosed, StreamError> {
    let (mut send, receive) = connection.open_bi().await?;
    write_line(&mut send, &StatusRequest { interval_ms: INTERVAL.as_millis() as u64 }).await?;
    let mut lines = Lines::new(receive);
    info!("the relay was reached");
    loop {
        tokio::select! {
            // Commands are few, and must not wait behind a relay that writes without a pause.
            biased;
            command = commands.recv() => match command {
                Some(command) => write_line(&mut send, &command).await?,
                None => return Ok(WindowClosed),
            },
            line = timeout(SILENCE, lines.next()) => {
                let line = line.map_err(|_| StreamError::Silent)??.ok_or(StreamError::Ended)?;
                if let StatusLine::Hello { version, .. } = line && version != STATUS_VERSION {
                    return Err(StreamError::Version(version));
                }
                if window.tell(Update::Line(line)).await.is_err() {
                    return Ok(WindowClosed);
                }
            }
        }
    }
}

async fn write_line(stream: &mut SendStream, line: &impl Serialize) -> Result<(), WriteError> {
    let mut bytes = serde_json::to_vec(line).expect("what is asked of a relay is always JSON");
    bytes.push(b'\n');
    stream.write_all(&bytes).await
}
