//! The operator's window: what the cluster's relay tells, drawn.
//!
//! [`connection`] reads the relay's status stream on a thread of its own; [`state`] is what is
//! known; the views draw a [`state::Picture`] of it and never wait for anything.

mod app;
mod config;
pub mod connection;
pub mod defaults;
mod display;
mod dump;
mod fonts;
mod format;
#[cfg(test)]
#[path = "../tests/it/generated.rs"]
mod generated;
mod icon;
pub mod lookups;
mod placement;
pub mod state;
mod theme;
mod view;
mod visible;
mod window;

pub use app::App;
pub use config::{Args, Config, ConfigError, Look, Size, Theme};
pub use display::NoDisplay;
pub use dump::Dump;
pub use view::tabs::Tab;
pub use window::{RunError, run};
