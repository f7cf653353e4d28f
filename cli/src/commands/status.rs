//! `status`: what the relay tells operators, in a terminal.

mod events;
mod screen;
mod table;

use std::{
    io,
    net::SocketAddr,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::status_stream::{StatusError, StatusStream};
use anyhow::{Context, Result};
use clap::Args;
use trunkline_protocol::status::{Snapshot, StatusLine};

use self::screen::Screen;
use crate::{
    state::{Home, State},
    terminal::{NOTE, notice, print},
};

/// How long to wait before the relay is dialled again.
const RETRY: Duration = Duration::from_secs(1);

/// What `status` takes.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print the lines as they come
    #[arg(long)]
    json: bool,
    /// Show one snapshot, and end
    #[arg(long)]
    once: bool,
    /// The time between two snapshots, in milliseconds
    #[arg(long, default_value_t = 1000, value_name = "MS")]
    interval: u64,
}

/// Why no more is shown.
#[derive(Debug)]
enum Ended {
    /// The relay's stream ended.
    Stream(StatusError),
    /// Standard output takes no more.
    Output(io::Error),
}

impl From<StatusError> for Ended {
    fn from(error: StatusError) -> Self {
        Self::Stream(error)
    }
}

impl Status {
    /// Shows the stream, and opens it again whenever it ends, until somebody stops it.
    pub(crate) async fn run(self, home: &Home) -> Result<()> {
        let State { relay, certs, .. } = State::running(home)?;
        loop {
            match self.show(relay, &certs).await {
                Ok(()) => return Ok(()),
                // As `head` ends what it has enough of.
                Err(Ended::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(());
                }
                Err(Ended::Output(error)) => {
                    return Err(error).context("cannot write to standard output");
                }
                Err(Ended::Stream(
                    error @ (StatusError::Certs(_) | StatusError::Unknown { .. }),
                )) => {
                    return Err(error.into());
                }
                Err(Ended::Stream(error)) => notice(NOTE, &format!("{error}; trying again")),
            }
            tokio::time::sleep(RETRY).await;
            State::running(home)?;
        }
    }

    /// Returns once it has shown enough, which is never but with `--once`.
    async fn show(&self, relay: SocketAddr, certs: &Path) -> Result<(), Ended> {
        let interval = Duration::from_millis(self.interval);
        let mut stream = StatusStream::open(relay, certs, interval).await?;
        let mut screen = Screen::default();
        loop {
            if self.json {
                let text = stream.next_text().await?;
                print(&text).map_err(Ended::Output)?;
                if self.once && text.contains(r#""type":"snapshot""#) {
                    return Ok(());
                }
                continue;
            }
            match stream.next_line().await? {
                // The history comes first; what matters of it are the events.
                StatusLine::Snapshot(snapshot) if is_recent(&snapshot, interval) => {
                    screen.snapshot(*snapshot).map_err(Ended::Output)?;
                    if self.once {
                        return Ok(());
                    }
                }
                StatusLine::Event(event) => screen.event(&event).map_err(Ended::Output)?,
                _ => {}
            }
        }
    }
}

fn is_recent(snapshot: &Snapshot, interval: Duration) -> bool {
    let taken = UNIX_EPOCH + Duration::from_millis(snapshot.at_ms);
    let age = SystemTime::now().duration_since(taken).unwrap_or_default();
    age < interval.max(RETRY) * 2
}
