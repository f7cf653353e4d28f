//! How the other commands ask `up` for something: one JSON line each way over a Unix socket.
//!
//! Whoever started a process is the one who can wait for it, so everything that starts or ends
//! one goes through `up`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};

use crate::state::{Home, State};

/// How long the other side may take to write its line. A node that is asked to leave has its
/// own, shorter limit.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// How long somebody who connects may take to ask.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// What can be asked of `up`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Request {
    /// One more node, or a member that has ended once more.
    Start {
        /// Its name.
        name: String,
    },
    /// SIGKILL.
    Kill {
        /// To whom.
        name: String,
    },
    /// SIGTERM, and wait.
    Drain {
        /// To whom.
        name: String,
    },
    /// Stop everything.
    Down,
}

/// What became of it: a line to print either way.
pub(crate) type Reply = Result<String, String>;

/// Asks the running `up` for something and returns its answer.
pub(crate) async fn ask(home: &Home, request: &Request) -> Result<String> {
    let state = State::running(home)?;
    let stream = UnixStream::connect(&state.control).await;
    let mut stream = stream.context("`just up` does not answer")?;
    write(&mut stream, request).await?;
    let reply: Reply = timeout(ANSWER_TIMEOUT, read(&mut stream)).await??;
    reply.map_err(|error| anyhow!(error))
}

/// Where `up` is asked. The folder, which only its owner may enter, goes with it.
#[derive(Debug)]
pub(crate) struct Control {
    listener: UnixListener,
    folder: TempDir,
}

/// Somebody who asks for something and waits for a [`Reply`].
#[derive(Debug)]
pub(crate) struct Caller(UnixStream);

impl Control {
    /// Begins to listen. The socket is not in the project's folder, as its path may be too long.
    pub(crate) fn listen() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("trunkline-").tempdir()?;
        let listener = UnixListener::bind(folder.path().join("control"))?;
        Ok(Self { listener, folder })
    }

    /// The socket.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    /// The next one who wants something. Cancel-safe.
    pub(crate) async fn next(&self) -> Result<Caller> {
        Ok(Caller(self.listener.accept().await?.0))
    }
}

impl Caller {
    /// What it is.
    pub(crate) async fn request(&mut self) -> Result<Request> {
        timeout(REQUEST_TIMEOUT, read(&mut self.0)).await?
    }

    /// Answers; whether anybody still listens does not matter.
    pub(crate) async fn answer(mut self, reply: Reply) {
        let _ = write(&mut self.0, &reply).await;
    }
}

async fn write(stream: &mut UnixStream, value: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(stream.write_all(&line).await?)
}

async fn read<T: DeserializeOwned>(stream: &mut UnixStream) -> Result<T> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}
