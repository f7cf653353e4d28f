use std::{cell::RefCell, path::PathBuf};

use eframe::egui::ThemePreference;
use trunkline_protocol::{Name, User, status::AdminCommand};

use super::{dialogs::dialog::Dialog, tabs::tab::Tab};
use crate::{clock::ClockZone, queries::NodeIncarnation, state::Moment};

/// What the operator requests by a click or a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum UiCommand {
    OpenTab(Tab),
    /// Show the details of a node, or of none.
    Select(Option<Name>),
    /// Show the details of the relay, in place of those of a node.
    SelectRelay,
    ShowMoment(Moment),
    OpenDialog(Dialog),
    CloseDialog,
    SendToRelay(AdminCommand),
    /// Close the delivery test.
    CloseTest,
    /// Look up the nodes of a user.
    FindUser(User),
    /// Search for users by a prefix of their keys.
    Search(String),
    StopSearch,
    /// List the users of a node.
    ListUsers(NodeIncarnation),
    /// Return to the number of users of each node.
    UnlistUsers,
    SaveRecording(PathBuf),
    OpenRecording(PathBuf),
    CloseRecording,
    /// Choose the file of a recording with the desktop's own dialog.
    ChooseFile {
        /// Whether it is to be written.
        save: bool,
    },
    /// Play the recording from the shown moment, or from its start if that is its end.
    Play,
    PausePlayback,
    SetSpeed(u32),
    SetTheme(ThemePreference),
    SetZone(ClockZone),
}

/// The commands of one frame, in order. They are carried out when all views are drawn, so that no
/// view sees the state change while it draws.
#[derive(Debug, Default)]
pub(crate) struct UiCommands(RefCell<Vec<UiCommand>>);

impl UiCommands {
    /// Adds a command.
    pub(crate) fn push(&self, command: UiCommand) {
        self.0.borrow_mut().push(command);
    }

    /// All commands, in order.
    pub(crate) fn into_vec(self) -> Vec<UiCommand> {
        self.0.into_inner()
    }
}
