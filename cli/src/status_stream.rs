//! A reader of the relay's status stream.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig};
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    time::timeout,
};
use trunkline_certs::{Alpn, CertsError, Credentials, RELAY_SERVER_NAME, Role};
use trunkline_protocol::{
    BadName,
    status::{AdminCommand, CommandRequest, StatusLine, Trace},
};

use crate::defaults::{STATUS_KEEP_ALIVE, STATUS_TIMEOUT};

/// Why the status stream cannot be read.
#[derive(Debug, Error)]
pub enum StatusError {
    /// The admin certificate is not usable.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// That cannot be an operator's name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The relay cannot be reached, or the stream broke.
    #[error("the relay's status stream is not to be had: {0}")]
    Stream(#[from] io::Error),
    /// The relay ended the stream.
    #[error("the relay ended the status stream")]
    Ended,
    /// The relay wrote nothing for too long.
    #[error("the relay's status stream is silent")]
    Silent,
    /// A line cannot be parsed.
    #[error("the relay wrote {text:?}, which is no status line: {source}")]
    Unknown {
        /// The line.
        text: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// An open status stream.
#[derive(Debug)]
pub struct StatusStream {
    lines: Lines<BufReader<RecvStream>>,
    commands: SendStream,
    connection: Connection,
}

impl StatusStream {
    /// Opens the stream as `admin`, with a snapshot every `interval`.
    ///
    /// # Errors
    /// If the certificate is not usable or the relay cannot be reached within [`STATUS_TIMEOUT`].
    pub async fn open(
        relay: SocketAddr,
        certs: &Path,
        interval: Duration,
    ) -> Result<Self, StatusError> {
        let admin = Credentials::load(certs, Role::Admin, &"admin".parse()?)?;
        let open = timeout(STATUS_TIMEOUT, dial(relay, &admin, interval)).await;
        let (connection, commands, answers) = open.map_err(|_| StatusError::Silent)??;
        let lines = BufReader::new(answers).lines();
        Ok(Self { lines, commands, connection })
    }

    /// Gives the relay a command, and waits for its answer: the error if it refused, and the walk
    /// of a test message. Other lines until then are dropped.
    ///
    /// # Errors
    /// As [`Self::next_line`].
    pub async fn command(
        &mut self,
        id: u64,
        action: AdminCommand,
    ) -> Result<Result<Option<Box<Trace>>, String>, StatusError> {
        let mut line =
            serde_json::to_vec(&CommandRequest { id, action }).map_err(io::Error::from)?;
        line.push(b'\n');
        self.commands.write_all(&line).await.map_err(io::Error::from)?;
        loop {
            match self.next_line().await? {
                StatusLine::Answer { id: answered, error, trace } if answered == id => {
                    return Ok(error.map_or(Ok(trace), Err));
                }
                _ => {}
            }
        }
    }

    /// The next line, as it came.
    ///
    /// # Errors
    /// If the stream ends, or is silent for [`STATUS_TIMEOUT`].
    pub async fn next_text(&mut self) -> Result<String, StatusError> {
        let line = timeout(STATUS_TIMEOUT, self.lines.next_line()).await;
        line.map_err(|_| StatusError::Silent)??.ok_or(StatusError::Ended)
    }

    /// The next line.
    ///
    /// # Errors
    /// As [`Self::next_text`], and if it is not what the protocol says.
    pub async fn next_line(&mut self) -> Result<StatusLine, StatusError> {
        let text = self.next_text().await?;
        serde_json::from_str(&text).map_err(|source| StatusError::Unknown { text, source })
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
    interval: Duration,
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
    let (mut commands, answers) = connection.open_bi().await?;
    let request = format!("{{\"interval_ms\":{}}}\n", interval.as_millis());
    commands.write_all(request.as_bytes()).await?;
    Ok((connection, commands, answers))
}
