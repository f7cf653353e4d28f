use std::{io, time::Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::TryStreamExt as _;
use quinn::{Connection, ConnectionError, SendStream, WriteError};
use serde::Serialize;
use thiserror::Error;
use tokio::{
    net::lookup_host,
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::codec::FramedRead;
use tracing::{info, warn};
use trunkline_certs::{Alpn, RELAY_SERVER_NAME};
use trunkline_link::{
    BindError, DialError, DialSockets, Dialer, client_config, close_code, defaults::CLOSE_TIMEOUT,
};
use trunkline_ops::LogThrottle;
use trunkline_protocol::status::{CommandRequest, STATUS_VERSION, StatusLine, StatusRequest};

use super::{
    channel::{Feed, Update},
    line_codec::{LineCodec, LineError},
    wake_filter::WakeFilter,
};
use crate::{
    config::WindowConfig,
    defaults::{INTERVAL, REDIAL_MAX, REDIAL_MIN, SILENCE},
};

/// Why the relay was lost, or could not be reached.
#[derive(Debug, Error)]
enum StreamError {
    #[error("the host name cannot be looked up: {0}")]
    LookUp(io::Error),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("cannot open a UDP endpoint: {0}")]
    Endpoint(io::Error),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("nothing received for {} s", SILENCE.as_secs())]
    Silent,
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("the relay closed the stream")]
    Closed,
    #[error(
        "the relay speaks version {0} of the status stream, this window {STATUS_VERSION}: update the older one"
    )]
    Version(u16),
}

/// The window's end of the channels is gone: the reader ends.
struct WindowClosed;

/// Reads the relay's status stream, redialling it, until the
/// [`StatusConnection`](super::StatusConnection) is dropped. Calls `wake` when the window has to draw.
pub async fn run(config: WindowConfig, mut feed: Feed, wake: impl Fn()) {
    let backoff = ExponentialBuilder::new().with_min_delay(REDIAL_MIN).with_max_delay(REDIAL_MAX);
    let backoff = backoff.without_max_times();
    let mut waits = backoff.build();
    let log_throttle = LogThrottle::new();
    let filter = WakeFilter::default();
    let mut window = UpdateSender { updates: feed.updates, wake, filter, has_line: false };
    loop {
        let error = match read_once(&config, &mut window, &mut feed.commands).await {
            Ok(WindowClosed) => return,
            Err(error) => error,
        };
        // Only a relay that spoke resets the back-off: one that accepts and closes would be dialled
        // without a pause.
        if std::mem::take(&mut window.has_line) {
            waits = backoff.build();
        }
        let wait = waits.next().expect("the back-off has no last step");
        if let Some(line) = log_throttle.admit(&error.to_string()) {
            let (relay, suppressed) = (&config.relay, line.suppressed);
            warn!(%relay, %error, suppressed, "status stream lost, redialling");
        }
        let retry_at = Instant::now() + wait;
        if window.send(Update::Lost { reason: error.to_string(), retry_at }).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep(wait) => {}
            () = window.updates.closed() => return,
        }
    }
}

/// Sends updates to the window and wakes it.
struct UpdateSender<W> {
    updates: mpsc::Sender<Update>,
    wake: W,
    filter: WakeFilter,
    /// Whether the relay has written a line since the last dial.
    has_line: bool,
}

impl<W: Fn()> UpdateSender<W> {
    async fn send(&mut self, update: Update) -> Result<(), WindowClosed> {
        self.has_line |= matches!(update, Update::Line(_));
        let wakes = self.filter.wakes(&update, Instant::now());
        self.updates.send(update).await.map_err(|_| WindowClosed)?;
        if wakes {
            (self.wake)();
        }
        Ok(())
    }
}

/// Dials once, and reads until the connection is lost.
async fn read_once<W: Fn()>(
    config: &WindowConfig,
    window: &mut UpdateSender<W>,
    commands: &mut mpsc::Receiver<CommandRequest>,
) -> Result<WindowClosed, StreamError> {
    if window.send(Update::Dialling).await.is_err() {
        return Ok(WindowClosed);
    }
    let dialled = tokio::select! {
        dialled = dial(config) => dialled,
        () = window.updates.closed() => return Ok(WindowClosed),
    };
    let (dialer, connection) = dialled?;
    let closed = read_lines(&connection, window, commands).await;
    connection.close(close_code::BYE, b"the window was closed");
    dialer.wait_idle(CLOSE_TIMEOUT).await;
    closed
}

async fn dial(config: &WindowConfig) -> Result<(Dialer, Connection), StreamError> {
    let addresses = lookup_host((config.relay.host(), config.relay.port())).await;
    let addresses: Vec<_> = addresses.map_err(StreamError::LookUp)?.collect();
    let crypto = config.credentials.client_crypto(Alpn::Admin);
    let dialer = DialSockets::bind()?.dialer(&client_config(crypto));
    let dialer = dialer.map_err(StreamError::Endpoint)?;
    let (connection, _) = dialer.dial(&addresses, RELAY_SERVER_NAME).await?;
    Ok((dialer, connection))
}

async fn read_lines<W: Fn()>(
    connection: &Connection,
    window: &mut UpdateSender<W>,
    commands: &mut mpsc::Receiver<CommandRequest>,
) -> Result<WindowClosed, StreamError> {
    let (mut send, receive) = connection.open_bi().await?;
    write_line(&mut send, &StatusRequest { interval_ms: INTERVAL.as_millis() as u64 }).await?;
    let mut lines = FramedRead::new(receive, LineCodec::default());
    info!("connected to the relay");
    loop {
        tokio::select! {
            // Commands are few, and must not wait behind a relay that writes without a pause.
            biased;
            command = commands.recv() => match command {
                Some(command) => write_line(&mut send, &command).await?,
                None => return Ok(WindowClosed),
            },
            line = timeout(SILENCE, lines.try_next()) => {
                let line = line.map_err(|_| StreamError::Silent)??.ok_or(StreamError::Closed)?;
                if let StatusLine::Hello { version, .. } = line && version != STATUS_VERSION {
                    return Err(StreamError::Version(version));
                }
                if window.send(Update::Line(line)).await.is_err() {
                    return Ok(WindowClosed);
                }
            }
        }
    }
}

async fn write_line(stream: &mut SendStream, line: &impl Serialize) -> Result<(), WriteError> {
    let mut bytes = serde_json::to_vec(line).expect("requests and commands serialize");
    bytes.push(b'\n');
    stream.write_all(&bytes).await
}
