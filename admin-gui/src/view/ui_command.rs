use std::{cell::RefCell, path::PathBuf};

use eframe::egui::ThemePreference;
use trunkline_protocol::{Name, User, status::AdminCommand};

use super::{dialogs::dialog::Dialog, tabs::tab::Tab};
use crate::{queries::NodeIncarnation, state::Moment};

/// What the operator requests by a click or a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum UiCommand {
    /// Open a tab.
    OpenTab(Tab),
    /// Show the details of a node, or of none.
    Select(Option<Name>),
    /// Show another moment.
    ShowMoment(Moment),
    /// Open a dialog.
    OpenDialog(Dialog),
    /// Close the dialog.
    CloseDialog,
    /// Send a command to the relay.
    SendToRelay(AdminCommand),
    /// Close the delivery test.
    CloseTest,
    /// Look up the nodes of a user.
    FindUser(User),
    /// Search for users by a prefix of their keys.
    Search(String),
    /// Stop that search.
    StopSearch,
    /// List the users of a node.
    ListUsers(NodeIncarnation),
    /// Return to the number of users of each node.
    UnlistUsers,
    /// Save the history as a recording.
    SaveRecording(PathBuf),
    /// Open a recording.
    OpenRecording(PathBuf),
    /// Close the recording.
    CloseRecording,
    /// Set the theme.
    SetTheme(ThemePreference),
}

/// The commands of one frame, in order. The views share the queue, which is read once all are drawn: a view
/// never sees the state change while it draws.
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
