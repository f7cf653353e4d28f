//! The load generator: thousands of sessions from one thread, and what they cost the servers.
//!
//! [`Engine`] speaks to any system that has a [`Peer`], always in the same way; the workloads are
//! made of it.

mod engine;
mod flow;
mod meter;
mod nats;
mod peer;
mod session;
mod stamp;
mod system;
mod traffic;
mod websocket;
pub mod workload;

pub use self::{
    engine::{Engine, LoadError, SessionId, TrafficId},
    flow::Counts,
    meter::{Part, Parts, Server, cpu_s, memory_bytes},
    nats::NatsCluster,
    peer::{Heard, Nats, NotUnderstood, Peer, Template, Trunkline},
    system::System,
    traffic::Pace,
};
