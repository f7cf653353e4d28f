//! How other commands ask a running `up` for something: one JSON line each way over a Unix socket.
//!
//! Only a parent can wait for a process, so `up` starts and ends all of them.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tempfile::TempDir;
use tokio::{
    net::{UnixListener, UnixStream},
    time::timeout,
};
use tokio_util::codec::{Framed, LinesCodec};

use crate::{
    defaults::{CONTROL_LINE_BYTES_MAX, CONTROL_REPLY_TIMEOUT, CONTROL_REQUEST_TIMEOUT},
    state::{ClusterState, Home},
};

/// What `up` can be asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum ControlRequest {
    /// Start a new node, or a member that has ended.
    Start {
        /// Its name.
        name: String,
    },
    /// Send a member SIGKILL.
    Kill {
        /// Its name.
        name: String,
    },
    /// Send a member SIGTERM, and wait until it has ended.
    Drain {
        /// Its name.
        name: String,
    },
    /// Stop the cluster.
    Down,
}

/// The result: a line to print, or an error.
pub(crate) type ControlReply = Result<String, String>;

/// Asks the running `up` for something, and returns its reply.
pub(crate) async fn ask(home: &Home, request: &ControlRequest) -> Result<String> {
    let state = ClusterState::running(home)?;
    let stream = UnixStream::connect(&state.control).await;
    let mut lines = framed(stream.context("`just up` does not answer")?);
    write(&mut lines, request).await?;
    let reply: ControlReply = timeout(CONTROL_REPLY_TIMEOUT, read(&mut lines)).await??;
    reply.map_err(|error| anyhow!(error))
}

/// The socket of `up`, in a folder that only its owner may enter.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    listener: UnixListener,
    folder: TempDir,
}

type ControlLines = Framed<UnixStream, LinesCodec>;

/// A command that waits for its [`ControlReply`].
#[derive(Debug)]
pub(crate) struct Caller(ControlLines);

impl ControlSocket {
    /// Starts to listen, in a temporary folder: the path of a project's folder may be too long for a
    /// socket.
    pub(crate) fn listen() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("trunkline-").tempdir()?;
        let listener = UnixListener::bind(folder.path().join("control"))?;
        Ok(Self { listener, folder })
    }

    /// The path of the socket.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    /// The next caller. Cancel-safe.
    pub(crate) async fn next(&self) -> Result<Caller> {
        Ok(Caller(framed(self.listener.accept().await?.0)))
    }
}

impl Caller {
    /// Reads the request.
    pub(crate) async fn request(&mut self) -> Result<ControlRequest> {
        timeout(CONTROL_REQUEST_TIMEOUT, read(&mut self.0)).await?
    }

    /// Sends the reply. A caller that has gone does not matter.
    pub(crate) async fn reply(mut self, reply: ControlReply) {
        let _ = write(&mut self.0, &reply).await;
    }
}

fn framed(stream: UnixStream) -> ControlLines {
    Framed::new(stream, LinesCodec::new_with_max_length(CONTROL_LINE_BYTES_MAX))
}

async fn write(lines: &mut ControlLines, value: &impl Serialize) -> Result<()> {
    Ok(lines.send(serde_json::to_string(value)?).await?)
}

async fn read<T: DeserializeOwned>(lines: &mut ControlLines) -> Result<T> {
    let line = lines.next().await.context("the connection ended")??;
    Ok(serde_json::from_str(&line)?)
}
