//! What the control plane and the data path send each other, apart from directory commands.

use quinn::Connection;
use thiserror::Error;
use tokio::sync::oneshot;
use trunkline_certs::Identity;
use trunkline_protocol::{
    Name,
    status::{AdminCommand, Snapshot, Trace},
};

use crate::defaults::{TEST_TIMEOUT, TESTS_MAX};

/// What the control plane asks of the data path.
#[derive(Debug)]
pub(crate) enum ControlRequest {
    /// Take a snapshot.
    Snapshot(oneshot::Sender<Box<Snapshot>>),
    /// Execute an admin's command.
    Execute { who: String, command: AdminCommand, response: oneshot::Sender<CommandResponse> },
}

/// The result of a command: the trace of a test message, or nothing.
pub(crate) type CommandResponse = Result<Option<Box<Trace>>, CommandError>;

/// Why a command was not executed. Admins read the text.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    #[error("the node {0} has no link to this relay")]
    NotLinked(Name),
    #[error("no node has a link to this relay")]
    NoNode,
    #[error("{TESTS_MAX} delivery tests are running: try again soon")]
    TooManyTests,
    #[error("many commands wait for {0}: try again soon")]
    TooManyCommands(Name),
    #[error("{0} lost its link before the outcome was known: try again")]
    LinkLost(Name),
    #[error("{0} reported no outcome within {seconds} s", seconds = TEST_TIMEOUT.as_secs())]
    NoOutcome(Name),
    #[error("{0} cannot be a sender: use another certificate name")]
    NotASender(String),
    #[error("the relay is shutting down")]
    ShuttingDown,
}

/// An authorized connection to the status stream, on which no stream was accepted yet.
#[derive(Debug)]
pub(crate) struct AdminConnection {
    pub(crate) connection: Connection,
    pub(crate) peer: Identity,
}
