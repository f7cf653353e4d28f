//! The operator's window: draws what a relay reports of the cluster.
//!
//! [`connection`] reads the relay's status stream and [`queries`] asks the directory, both on one
//! thread; [`state`] holds what they have received; the views draw a [`state::ClusterStatus`] of it
//! and never wait.

mod accessibility_dump;
mod app;
mod clock;
mod config;
pub mod connection;
pub mod defaults;
mod display;
mod escape;
mod escaped_text;
mod fonts;
mod format;
#[cfg(test)]
#[path = "../tests/it/generated.rs"]
mod generated;
mod icon;
mod placement;
pub mod queries;
pub mod state;
mod theme;
mod view;
mod window;

pub use accessibility_dump::AccessibilityDump;
pub use app::App;
pub use clock::ClockZone;
pub use config::{Args, WindowConfig, WindowConfigError, WindowOptions, WindowSize};
pub use display::NoDisplay;
pub use view::tabs::Tab;
pub use window::{WindowError, run};
