//! The load generator: thousands of sessions from one thread, and the servers' cost.
//!
//! [`Engine`] drives any system that has a [`WireProtocol`] in the same way. The [`workload`]s are built
//! from it.

pub mod defaults;
mod directory_filler;
mod engine;
mod error;
mod flow;
mod idle_users;
mod impaired_links;
mod meter;
mod nats_cluster;
mod protocol;
pub mod proxy;
mod session;
mod stamp;
mod system;
mod traffic;
mod websocket;
pub mod workload;

pub use self::{
    directory_filler::{DirectoryFiller, FillError},
    engine::{Engine, SessionId, TrafficId},
    error::{ConnectionError, LoadError},
    flow::TrafficCounts,
    idle_users::IdleUsers,
    impaired_links::ImpairedLinks,
    meter::{PerRole, ServerProcess, ServerRole},
    nats_cluster::NatsCluster,
    protocol::{Nats, Template, Trunkline, UnexpectedBytes, WireEvent, WireProtocol},
    system::System,
    traffic::TrafficPace,
};
