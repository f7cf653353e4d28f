//! `status`: the relay's status stream, on one screen of a terminal or as lines.

mod events;
mod lines;
mod screen;
mod table;

use std::{
    io::{self, IsTerminal, stdin, stdout},
    net::SocketAddr,
    path::Path,
    pin::pin,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use clap::Args;
use thiserror::Error;
use trunkline_protocol::status::{Snapshot, StatusLine};

use self::{
    lines::StatusLines,
    screen::{FullScreen, StatusScreen},
};
use crate::{
    defaults::{STATUS_REDRAW, STATUS_RETRY},
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

/// Why the stream is no longer shown.
#[derive(Debug, Error)]
enum Ended {
    /// The relay's stream ended.
    #[error(transparent)]
    Stream(#[from] StatusStreamError),
    /// The output cannot be written, or the terminal not be read.
    #[error("cannot use the terminal")]
    Output(#[source] io::Error),
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
        ClusterState::running(home)?;
        let mut terminal = FullScreen::open().context("cannot use the terminal")?;
        loop {
            let ClusterState { relay, certs, .. } = ClusterState::running(home)?;
            match self.feed(relay, &certs, &mut screen, &mut terminal).await {
                Ok(()) => return Ok(()),
                Err(Ended::Stream(error)) if !matches!(error, StatusStreamError::Certs(_)) => {
                    screen.lost(error.to_string());
                }
                Err(error) => return Err(error.into()),
            }
            let retry = async {
                tokio::time::sleep(STATUS_RETRY).await;
                Ok(())
            };
            if with_keys(retry, &mut screen, &mut terminal).await?.is_none() {
                return Ok(());
            }
        }
    }

    /// Feeds one connection's stream to the screen. Returns after `q`, or with an error.
    async fn feed(
        &self,
        relay: SocketAddr,
        certs: &Path,
        screen: &mut StatusScreen,
        terminal: &mut FullScreen,
    ) -> Result<(), Ended> {
        let interval = Duration::from_millis(self.interval);
        let opening = StatusStream::open(relay, certs, interval);
        let Some(mut stream) = with_keys(opening, screen, terminal).await? else { return Ok(()) };
        loop {
            match with_keys(stream.next_line(), screen, terminal).await? {
                Some(StatusLine::Snapshot(snapshot)) if is_recent(&snapshot, interval) => {
                    screen.snapshot(*snapshot);
                }
                Some(StatusLine::Event(event)) => screen.event(event),
                Some(_) => {}
                None => return Ok(()),
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

/// Waits for the future, and meanwhile handles keys and draws the screen. None: a key ended it.
async fn with_keys<T>(
    future: impl Future<Output = Result<T, StatusStreamError>>,
    screen: &mut StatusScreen,
    terminal: &mut FullScreen,
) -> Result<Option<T>, Ended> {
    let mut future = pin!(future);
    screen.draw().map_err(Ended::Output)?;
    loop {
        tokio::select! {
            biased;
            event = terminal.next_event() => {
                if !screen.handle(&event.map_err(Ended::Output)?) {
                    return Ok(None);
                }
            }
            done = &mut future => return Ok(Some(done?)),
            () = tokio::time::sleep(STATUS_REDRAW) => {}
        }
        screen.draw().map_err(Ended::Output)?;
    }
}
