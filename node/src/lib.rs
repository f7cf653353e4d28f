//! A message node: the WebSocket edge of a Trunkline cluster.
//!
//! A node serves clients' sessions and takes custody of what they send. It delivers to its own
//! sessions directly and to others through its link to the relay, and registers its users in the
//! directory. `docs/ARCHITECTURE.md` follows a message through it.

mod advertise;
mod client_socket;
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
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use advertise::BadUrl;
pub use client_socket::TlsFilesError;
pub use config::{AuthMode, NodeConfig, NodeConfigError, PageMode};
pub use edge::TokenKeyError;
pub use link::NameTaken;
pub use node::{Node, NodeError};
pub use origins::{AllowedOrigin, BadOrigin};
