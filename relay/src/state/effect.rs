use bytes::Bytes;
use trunkline_protocol::{Incarnation, Name, status::EventKind};

use crate::{
    link_close_reason::LinkCloseReason,
    liveness::{DirectoryCommand, LinkId},
};

/// What is to be done after a change of the state.
#[derive(Debug)]
pub(crate) enum StateEffect {
    /// Tell the link's task that the link is admitted.
    Admit(LinkId),
    /// Send an encoded control message.
    Send(LinkId, Bytes),
    Close(LinkId, LinkCloseReason),
    /// Give the directory worker a command.
    Directory(DirectoryCommand),
    /// Log an event, and pass it to the status streams.
    Report {
        node: Option<(Name, Incarnation)>,
        kind: EventKind,
    },
    /// Wake the task that announces the membership.
    MembersChanged,
    /// Wake the delivery tests that wait for trace events.
    TraceChanged,
}
