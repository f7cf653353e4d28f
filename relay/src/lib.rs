//! The relay: forwards between nodes, declares nodes dead, and purges what dead ones leave in the
//! directory. No client ever reaches it.
//!
//! One thread runs the *data path*: links, the switch that forwards between them, and the state
//! behind one cell, whose core decides which nodes are alive. A second thread runs the *control
//! plane*, which may be slow: Redis, the status streams, and the operations endpoint. The two only
//! exchange messages over channels. [`Relay::load`] checks the configuration, [`Relay::run`] runs.

mod certificates;
mod config;
mod control_plane;
mod data_path;
pub mod defaults;
mod link_close_reason;
mod liveness;
mod relay;
mod state;
mod supervise;
mod switch;
mod tracer;

pub use config::{RelayConfig, RelayConfigError};
pub use relay::{Relay, RelayRunError};
