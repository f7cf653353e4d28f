use std::{cell::RefCell, path::PathBuf};

use eframe::egui::ThemePreference;
use trunkline_protocol::{Name, User, status::AdminCommand};

use super::{dialogs::dialog::Dialog, tabs::tab::Tab};
use crate::{
    lookups::{Life, Question},
    state::Moment,
};

/// What the operator requests by a click or a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    /// Open a tab.
    Turn(Tab),
    /// Show the details of a node, or of none.
    Select(Option<Name>),
    /// Show another moment.
    Show(Moment),
    /// Open a dialog.
    Ask(Dialog),
    /// Close the dialog.
    Dismiss,
    /// Send a command to the relay.
    Do(AdminCommand),
    /// Close the delivery test.
    Forget,
    /// Look up the nodes of a user.
    FindUser(User),
    /// Search for users by a prefix of their keys.
    Search(String),
    /// Stop that search.
    StopSearch,
    /// List the users of a node.
    List(Life),
    /// Return to the number of users of each node.
    Unlist,
    /// Query the directory.
    LookUp(Question),
    /// Save the history as a recording.
    Save(PathBuf),
    /// Open a recording.
    Open(PathBuf),
    /// Close the recording.
    Close,
    /// Set the theme.
    Theme(ThemePreference),
}

/// The wishes of one frame, in order. The views share it, and it is read when all are drawn: a view
/// never sees the state change while it draws.
#[derive(Debug, Default)]
pub(crate) struct Wishes(RefCell<Vec<Wish>>);

impl Wishes {
    /// Adds a wish.
    pub(crate) fn push(&self, wish: Wish) {
        self.0.borrow_mut().push(wish);
    }

    /// All wishes, in order.
    pub(crate) fn into_vec(self) -> Vec<Wish> {
        self.0.into_inner()
    }
}
