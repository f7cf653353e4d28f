//! The load generator: thousands of sessions from one thread, and what they cost the servers.
//!
//! [`Engine`] speaks to any system that has a [`Peer`], always in the same way; the workloads are
//! made of it.

mod bystanders;
pub mod defaults;
mod engine;
mod filler;
mod flow;
mod meter;
mod nats;
mod paths;
mod peer;
pub mod proxy;
mod session;
mod stamp;
mod system;
mod traffic;
mod websocket;
pub mod workload;

pub use self::{
    bystanders::Bystanders,
    engine::{Engine, LoadError, SessionId, TrafficId, Trouble},
    filler::{FillError, Filler},
    flow::Counts,
    meter::{Part, Parts, Server},
    nats::NatsCluster,
    paths::Paths,
    peer::{Heard, Nats, NotUnderstood, Peer, Template, Trunkline},
    system::System,
    traffic::Pace,
};
