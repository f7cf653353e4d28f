//! The relay's status stream, redialled for as long as the window is open.

mod lines;
mod pace;
mod stream;

use std::time::Instant;

use tokio::sync::mpsc;
use trunkline_protocol::status::{CommandRequest, StatusLine};

use crate::defaults::{COMMANDS_MAX, UPDATES_MAX};

pub use stream::run;

/// What becomes of the connection, and what comes through it.
#[derive(Clone, Debug)]
pub enum Update {
    /// The relay is being dialled.
    Dialling,
    /// The relay wrote a line.
    Line(StatusLine),
    /// The relay is gone, or could not be reached.
    Lost {
        /// Why.
        reason: String,
        /// When the next dial is.
        retry_at: Instant,
    },
}

/// The window's end of a connection. Dropping it ends the thread behind it.
#[derive(Debug)]
pub struct Connection {
    updates: mpsc::Receiver<Update>,
    commands: mpsc::Sender<CommandRequest>,
}

/// The far end of a [`Connection`]: whatever feeds the window.
#[derive(Debug)]
pub struct Feed {
    /// What the window shall know. Whoever sends wakes the window.
    pub updates: mpsc::Sender<Update>,
    /// What the operator wants done.
    pub commands: mpsc::Receiver<CommandRequest>,
}

impl Connection {
    /// Both ends of a connection.
    pub fn pair() -> (Self, Feed) {
        let (updates_in, updates) = mpsc::channel(UPDATES_MAX);
        let (commands, commands_out) = mpsc::channel(COMMANDS_MAX);
        (Self { updates, commands }, Feed { updates: updates_in, commands: commands_out })
    }

    /// The next update, if one has come.
    pub fn poll(&mut self) -> Option<Update> {
        self.updates.try_recv().ok()
    }

    /// Gives the relay a command. False if it cannot be given now: no relay takes it.
    pub fn command(&self, command: CommandRequest) -> bool {
        self.commands.try_send(command).is_ok()
    }
}
