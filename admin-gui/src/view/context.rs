use std::time::{Duration, Instant};

use trunkline_protocol::Name;

use super::ui_command::{UiCommand, UiCommands};
use crate::{
    clock::Clock,
    defaults::FRESH,
    state::{ClusterStatus, ConnectionState, Moment, Playback, WindowState},
};

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
    /// How that recording is played.
    pub(crate) playback: Playback,
    /// Writes the times.
    pub(crate) clock: &'a Clock,
    /// Whether the operator may send commands to the relay.
    pub(crate) may_act: bool,
    /// The time at which the frame is drawn, by this machine's clock.
    pub(crate) now: Instant,
    /// The operator's input in this frame.
    pub(crate) commands: &'a UiCommands,
}

impl ViewContext<'_> {
    /// The age of the latest snapshot, if the cluster may be in another state by now: the relay is
    /// lost, or silent.
    pub(crate) fn stale_age(&self) -> Option<Duration> {
        let age = self.state.age(self.now).filter(|_| self.recording.is_none())?;
        let is_lost = self.state.connection != ConnectionState::Connected;
        (is_lost || age > FRESH).then_some(age)
    }

    /// Whether the shown values are the last known ones, and not those of now or of a chosen moment.
    pub(crate) fn is_stale(&self) -> bool {
        self.state.moment() == Moment::Latest && self.stale_age().is_some()
    }

    /// Queues a command until the frame is drawn.
    pub(crate) fn send(&self, command: UiCommand) {
        self.commands.push(command);
    }
}
