use std::time::Instant;

use trunkline_protocol::Name;

use super::ui_command::{UiCommand, UiCommands};
use crate::state::{ClusterStatus, WindowState};

/// What the views read while one frame is drawn, and where they put the operator's commands.
#[derive(Clone, Copy)]
pub(crate) struct ViewContext<'a> {
    /// The relay's address.
    pub(crate) relay: &'a str,
    /// Everything that was received.
    pub(crate) state: &'a WindowState,
    /// The cluster at the shown moment.
    pub(crate) status: &'a ClusterStatus,
    /// The selected node.
    pub(crate) selected: Option<&'a Name>,
    /// The file name of the recording that is shown.
    pub(crate) recording: Option<&'a str>,
    /// Whether the operator may send commands to the relay.
    pub(crate) may_act: bool,
    /// The time at which the frame is drawn, by this machine's clock.
    pub(crate) now: Instant,
    /// The operator's input in this frame.
    pub(crate) commands: &'a UiCommands,
}

impl ViewContext<'_> {
    /// Queues a command until the frame is drawn.
    pub(crate) fn send(&self, command: UiCommand) {
        self.commands.push(command);
    }
}
