//! What the window draws. A view reads a [`ViewContext`] and queues the operator's [`Wish`]es; it
//! changes nothing else, and never blocks.

pub(crate) mod charts;
pub(crate) mod connecting;
mod context;
pub(crate) mod dialogs;
pub(crate) mod events;
pub(crate) mod header;
pub(crate) mod map;
pub(crate) mod node_detail;
pub(crate) mod nodes;
pub(crate) mod notices;
pub(crate) mod tabs;
pub(crate) mod timeline;
mod trace;
pub(crate) mod traffic;
pub(crate) mod users;
mod widgets;
mod wish;

pub(crate) use context::ViewContext;
pub(crate) use wish::{Wish, Wishes};
