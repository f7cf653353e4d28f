//! `status`: the relay's status stream, on one screen of a terminal or as lines.

mod display;
mod events;
mod screen;
mod table;

use std::{
    io::{self, IsTerminal, stdin, stdout},
    net::SocketAddr,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use clap::Args;
use trunkline_protocol::status::{Snapshot, StatusLine};

use self::{
    display::StatusLines,
    screen::{FullScreen, StatusScreen},
};
use crate::{
    defaults::STATUS_RETRY,
    state::{ClusterState, Home},
    status_stream::{StatusStream, StatusStreamError},
    terminal::{NOTE, notice, print},
};

/// What `status` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example: trunkline status --json | jq -c 'select(.type == \"event\")'")]
pub(crate) struct Status {
    /// Print the stream's lines unchanged
    #[arg(long)]
    json: bool,
    /// Show one snapshot, and end
    #[arg(long)]
    once: bool,
    /// The time between two snapshots, in milliseconds
    #[arg(long, default_value_t = 1000, value_name = "MS")]
    interval: u64,
}

/// Why `show` ended.
#[derive(Debug)]
enum Ended {
    /// The relay's stream ended.
    Stream(StatusStreamError),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<StatusStreamError> for Ended {
    fn from(error: StatusStreamError) -> Self {
        Self::Stream(error)
    }
}

impl Status {
    /// Shows the stream, and opens it again whenever it ends.
    pub(crate) async fn run(self, home: &Home) -> Result<()> {
        if !self.json && !self.once && stdin().is_terminal() && stdout().is_terminal() {
            return self.run_screen(home).await;
        }
        let ClusterState { relay, certs, .. } = ClusterState::running(home)?;
        loop {
            match self.show(relay, &certs).await {
                Ok(()) => return Ok(()),
                // The reader, such as `head`, has what it wants.
                Err(Ended::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(());
                }
                Err(Ended::Output(error)) => {
                    return Err(error).context("cannot write to standard output");
                }
                Err(Ended::Stream(
                    error @ (StatusStreamError::Certs(_) | StatusStreamError::Malformed { .. }),
                )) => {
                    return Err(error.into());
                }
                Err(Ended::Stream(error)) => notice(NOTE, &format!("{error}; trying again")),
            }
            tokio::time::sleep(STATUS_RETRY).await;
            ClusterState::running(home)?;
        }
    }

    /// Shows the stream on the whole terminal, until `q`.
    async fn run_screen(&self, home: &Home) -> Result<()> {
        let mut screen = StatusScreen::default();
        let mut terminal = FullScreen::open().context("cannot use the terminal")?;
        loop {
            let ClusterState { relay, certs, .. } = ClusterState::running(home)?;
            let mut ended = pin!(self.feed(relay, &certs, &mut screen, &mut terminal));
            match (&mut ended).await {
                Ok(()) => return Ok(()),
                Err(Ended::Output(error)) => return Err(error).context("cannot use the terminal"),
                Err(Ended::Stream(error @ StatusStreamError::Certs(_))) => return Err(error.into()),
                Err(Ended::Stream(error)) => screen.lost(error.to_string()),
            }
        }
    }

    /// Returns after the first snapshot with `--once`, otherwise only with an error.
    async fn show(&self, relay: SocketAddr, certs: &Path) -> Result<(), Ended> {
        let interval = Duration::from_millis(self.interval);
        let mut stream = StatusStream::open(relay, certs, interval).await?;
        let mut display = StatusLines::default();
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
                // The stream starts with the history. Of that, only the events are shown.
                StatusLine::Snapshot(snapshot) if is_recent(&snapshot, interval) => {
                    display.snapshot(*snapshot).map_err(Ended::Output)?;
                    if self.once {
                        return Ok(());
                    }
                }
                StatusLine::Event(event) => StatusLines::event(&event).map_err(Ended::Output)?,
                _ => {}
            }
        }
    }
}

fn is_recent(snapshot: &Snapshot, interval: Duration) -> bool {
    let taken = UNIX_EPOCH + Duration::from_millis(snapshot.at_ms);
    let age = SystemTime::now().duration_since(taken).unwrap_or_default();
    age < interval.max(STATUS_RETRY) * 2
}
