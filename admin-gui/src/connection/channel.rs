use std::time::Instant;

use tokio::sync::mpsc;
use trunkline_protocol::status::{CommandRequest, StatusLine};

use crate::defaults::{COMMANDS_MAX, UPDATES_MAX};

/// A change of the connection, or what came through it.
#[derive(Clone, Debug)]
pub enum Update {
    /// The window dials the relay.
    Dialling,
    /// The relay wrote a line.
    Line(StatusLine),
    /// The connection broke, or the dial failed.
    Lost {
        /// Why.
        reason: String,
        /// When the next dial starts.
        retry_at: Instant,
    },
}

/// The window's end of the status stream. Dropping it ends the thread that reads the stream.
#[derive(Debug)]
pub struct StatusConnection {
    updates: mpsc::Receiver<Update>,
    commands: mpsc::Sender<CommandRequest>,
}

/// The far end of a [`StatusConnection`]: [`run`](super::run), or a test.
#[derive(Debug)]
pub struct Feed {
    /// Takes updates for the window. The sender also wakes the window.
    pub updates: mpsc::Sender<Update>,
    /// Yields the operator's commands.
    pub commands: mpsc::Receiver<CommandRequest>,
}

impl StatusConnection {
    /// Both ends of a connection.
    pub fn pair() -> (Self, Feed) {
        let (updates_in, updates) = mpsc::channel(UPDATES_MAX);
        let (commands, commands_out) = mpsc::channel(COMMANDS_MAX);
        (Self { updates, commands }, Feed { updates: updates_in, commands: commands_out })
    }

    /// The next update, if there is one.
    pub fn poll(&mut self) -> Option<Update> {
        self.updates.try_recv().ok()
    }

    /// Queues a command for the relay. Returns false if the queue is full or the reader has ended.
    pub fn command(&self, command: CommandRequest) -> bool {
        self.commands.try_send(command).is_ok()
    }
}
