//! Forwarding: a batch is routed by its header alone, copied once, and never waits for a slow
//! destination.

mod forwarding;
mod hop_log;
mod port;
mod traffic;

pub(crate) use forwarding::{ProtocolViolation, Switch};
pub(crate) use hop_log::{HopKind, HopLog, SwitchHop};
pub(crate) use port::{DirtyLanes, Port};
