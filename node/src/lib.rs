//! A message node: the WebSocket edge of a Trunkline cluster.
//!
//! It holds clients' sessions, takes custody of what they send, delivers to its own sessions
//! directly and to other nodes through its link to the relay, and keeps the directory's entries of
//! its users. `docs/ARCHITECTURE.md` follows a message through it.

mod advertise;
mod config;
pub mod custody;
mod data_plane;
pub mod defaults;
mod drain;
mod edge;
mod fence;
mod health;
mod link;
mod members;
mod node;
mod origins;
#[cfg(feature = "testing")]
pub mod testing;

pub use advertise::BadUrl;
pub use config::{AuthMode, Config, ConfigError};
pub use link::NameTaken;
pub use node::{Node, NodeError};
pub use origins::{AllowedOrigin, BadOrigin};
