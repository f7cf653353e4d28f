//! What the window draws. A view reads a [`ViewContext`] and queues the operator's [`UiCommand`]s; it
//! changes nothing else, and never blocks.

pub(crate) mod banner;
pub(crate) mod charts;
pub(crate) mod connecting;
mod context;
pub(crate) mod dialogs;
mod event_marks;
pub(crate) mod events;
mod facts;
pub(crate) mod filter;
pub(crate) mod header;
pub(crate) mod keys;
pub(crate) mod map;
pub(crate) mod node_detail;
mod node_outcomes;
pub(crate) mod nodes;
pub(crate) mod notices;
pub(crate) mod outcomes;
pub(crate) mod relay_detail;
mod reserved;
mod steady_order;
pub(crate) mod tabs;
pub(crate) mod timeline;
mod trace;
pub(crate) mod traffic;
mod ui_command;
pub(crate) mod users;
pub(crate) mod widgets;

pub(crate) use context::ViewContext;
pub(crate) use ui_command::{UiCommand, UiCommands};
