//! Trunkline's local cluster: the real programs, started on this machine, for tests and for hands.
//!
//! [`cluster`] starts Redis, certificates, a relay and nodes as processes of their own and stops
//! them again; [`client`] speaks the client protocol to them, and [`status`] reads what the relay
//! tells operators, [`window`] what the operator's window says. The integration tests are written against these, and so is the
//! `trunkline-cluster` program behind `just up`.

pub mod client;
pub mod cluster;
pub mod defaults;
pub mod faults;
pub mod http;
pub mod load;
pub mod proxy;
pub mod screen;
pub mod status;
pub mod window;
