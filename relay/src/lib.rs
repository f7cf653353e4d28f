//! The relay: the process that forwards between nodes, judges whether they live, and cleans up
//! after dead ones. No client ever reaches it.
//!
//! One thread owns the data path: the links, the switch that forwards between them, and the pure
//! core that judges who lives. A second one has all that may be slow: Redis, the status streams,
//! and the operations endpoint. [`Relay::load`] checks the configuration, [`Relay::run`] runs.

mod accept;
mod cleaner;
mod clock;
mod config;
pub mod defaults;
mod end;
mod figures;
mod flows;
mod hub;
mod knock;
mod lanes;
mod link;
mod liveness;
mod membership;
mod operator;
mod relay;
mod roster;
mod side;
mod snapshot;
mod status;
mod switch;
mod walk;

pub use config::{Config, ConfigError};
pub use relay::{Relay, RunError};
