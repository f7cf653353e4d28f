use bytes::Bytes;
use trunkline_protocol::{Incarnation, Name, status::EventKind};

use crate::{
    close_reason::CloseReason,
    liveness::{DirectoryCommand, LinkId},
};

/// What is to be done after a change of the state.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Tell the link's task that the link is admitted.
    Admit(LinkId),
    /// Send an encoded control message.
    Send(LinkId, Bytes),
    /// Close the link.
    Close(LinkId, CloseReason),
    /// Give the directory worker a command.
    Directory(DirectoryCommand),
    /// Log an event, and pass it to the status streams.
    Report {
        /// The node and its incarnation, if the event is about one.
        node: Option<(Name, Incarnation)>,
        /// What happened.
        kind: EventKind,
    },
    /// Wake the task that tells nodes about each other.
    MembersChanged,
    /// Wake the delivery tests that wait for trace events.
    TraceChanged,
}
