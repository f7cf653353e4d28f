//! What is drawn. A view reads what is known and queues what the operator wishes; it changes
//! nothing else, and waits for nothing.

pub(crate) mod charts;
pub(crate) mod detail;
pub(crate) mod dialogs;
pub(crate) mod events;
pub(crate) mod header;
pub(crate) mod map;
pub(crate) mod matrix;
pub(crate) mod nodes;
pub(crate) mod notices;
mod parts;
pub(crate) mod tabs;
pub(crate) mod timeline;
pub(crate) mod users;
pub(crate) mod waiting;
mod walk;

use std::{path::PathBuf, time::Instant};

use eframe::egui::ThemePreference;
use trunkline_protocol::{Name, User, status::AdminCommand};

use crate::{
    queries::NodeIncarnation,
    state::{ClusterStatus, Moment, WindowState},
};

use dialogs::Dialog;
use tabs::Tab;

/// What is shown: everything that the views may look at.
#[derive(Clone, Copy)]
pub(crate) struct Showing<'a> {
    /// The relay's address.
    pub(crate) relay: &'a str,
    /// What is known.
    pub(crate) state: &'a WindowState,
    /// The cluster at the moment that is shown.
    pub(crate) picture: &'a ClusterStatus,
    /// The node that is selected.
    pub(crate) selected: Option<&'a Name>,
    /// The file's name, if this is a recording.
    pub(crate) recording: Option<&'a str>,
    /// Whether the operator may give commands.
    pub(crate) may_act: bool,
    /// The time by this machine's clock.
    pub(crate) now: Instant,
}

/// What an operator wishes by pressing something.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    /// See another part of the window.
    Turn(Tab),
    /// See a node's details, or none.
    Select(Option<Name>),
    /// See another moment.
    Show(Moment),
    /// Be asked something first.
    Ask(Dialog),
    /// Have the dialog gone.
    Dismiss,
    /// Have something done by the relay.
    Do(AdminCommand),
    /// See no test message any more.
    Forget,
    /// Know where a user is.
    FindUser(User),
    /// Know which users' keys begin so.
    Search(String),
    /// End that search.
    StopSearch,
    /// See the users of a node.
    List(NodeIncarnation),
    /// See how many users each node has.
    Unlist,
    /// Save what is remembered.
    Save(PathBuf),
    /// See a recording.
    Open(PathBuf),
    /// Go back from a recording.
    Close,
    /// Have it dark, light, or as the desktop has it.
    Theme(ThemePreference),
}

/// The wishes of one frame.
pub(crate) type Wishes = Vec<Wish>;
