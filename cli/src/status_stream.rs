//! A reader of a relay's status stream: JSON lines over QUIC, and commands the other way.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig};
use thiserror::Error;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, FramedWrite, LinesCodec, LinesCodecError};
use trunkline_certs::{Alpn, CertsError, Credentials, RELAY_SERVER_NAME, Role};
use trunkline_protocol::{
    BadName,
    status::{AdminCommand, CommandRequest, StatusLine, Trace},
};

use crate::defaults::{STATUS_KEEP_ALIVE, STATUS_LINE_BYTES_MAX, STATUS_TIMEOUT};

/// Why the status stream cannot be read.
#[derive(Debug, Error)]
pub enum StatusStreamError {
    /// The admin certificate is not usable.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// The admin's name is not a DNS label.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The relay cannot be reached, or the connection broke.
    #[error("the relay's status stream cannot be read: {0}")]
    Connection(#[from] io::Error),
    /// The relay ended the stream.
    #[error("the relay ended the status stream")]
    Ended,
    /// The relay sent nothing for [`STATUS_TIMEOUT`].
    #[error("the relay's status stream is silent")]
    Timeout,
    /// The relay sent something that is not a status line.
    #[error("the relay sent {text:?}, which is not a status line: {source}")]
    Malformed {
        /// The line.
        text: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl From<LinesCodecError> for StatusStreamError {
    fn from(error: LinesCodecError) -> Self {
        match error {
            LinesCodecError::Io(error) => Self::Connection(error),
            LinesCodecError::MaxLineLengthExceeded => Self::Connection(io::Error::other(error)),
        }
    }
}

/// An open status stream.
#[derive(Debug)]
pub struct StatusStream {
    lines: FramedRead<RecvStream, LinesCodec>,
    commands: FramedWrite<SendStream, LinesCodec>,
    connection: Connection,
}

impl StatusStream {
    /// Opens the stream as `admin`, with a snapshot every `interval`.
    pub async fn open(
        relay: SocketAddr,
        certs: &Path,
        interval: Duration,
    ) -> Result<Self, StatusStreamError> {
        let admin = Credentials::load(certs, Role::Admin, &"admin".parse()?)?;
        let open = timeout(STATUS_TIMEOUT, dial(relay, &admin)).await;
        let (connection, commands, lines) = open.map_err(|_| StatusStreamError::Timeout)??;
        let codec = LinesCodec::new_with_max_length(STATUS_LINE_BYTES_MAX);
        let lines = FramedRead::new(lines, codec);
        let mut commands = FramedWrite::new(commands, LinesCodec::new());
        commands.send(format!("{{\"interval_ms\":{}}}", interval.as_millis())).await?;
        Ok(Self { lines, commands, connection })
    }

    /// Sends the relay a command, and waits for its answer: the error if it refused, and the trace
    /// of a delivery test. Lines that come before the answer are dropped.
    pub async fn command(
        &mut self,
        id: u64,
        action: AdminCommand,
    ) -> Result<Result<Option<Box<Trace>>, String>, StatusStreamError> {
        let line =
            serde_json::to_string(&CommandRequest { id, action }).map_err(io::Error::from)?;
        self.commands.send(line).await?;
        loop {
            match self.next_line().await? {
                StatusLine::Answer { id: answered, error, trace } if answered == id => {
                    return Ok(error.map_or(Ok(trace), Err));
                }
                _ => {}
            }
        }
    }

    /// The next line as text; silence for [`STATUS_TIMEOUT`] is an error. Cancel-safe.
    pub async fn next_text(&mut self) -> Result<String, StatusStreamError> {
        let line = timeout(STATUS_TIMEOUT, self.lines.next()).await;
        let line = line.map_err(|_| StatusStreamError::Timeout)?;
        Ok(line.ok_or(StatusStreamError::Ended)??)
    }

    /// The next line. Cancel-safe.
    pub async fn next_line(&mut self) -> Result<StatusLine, StatusStreamError> {
        let text = self.next_text().await?;
        serde_json::from_str(&text).map_err(|source| StatusStreamError::Malformed { text, source })
    }
}

impl Drop for StatusStream {
    fn drop(&mut self) {
        self.connection.close(0_u8.into(), b"done");
    }
}

async fn dial(
    relay: SocketAddr,
    admin: &Credentials,
) -> io::Result<(Connection, SendStream, RecvStream)> {
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(Some(STATUS_KEEP_ALIVE));
    let mut config = ClientConfig::new(admin.client_crypto(Alpn::Admin));
    config.transport_config(Arc::new(transport));
    let any = match relay {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let endpoint = Endpoint::client(any)?;
    let connecting = endpoint.connect_with(config, relay, RELAY_SERVER_NAME);
    let connection = connecting.map_err(io::Error::other)?.await?;
    let (commands, lines) = connection.open_bi().await?;
    Ok((connection, commands, lines))
}
