//! The state of the data path: plain data, changed through `&mut self`, behind one cell.
//!
//! [`RelayState`] is the data. It never waits: what it sends goes to queues. [`SharedState`] is the
//! cell, which lends the data to one query or change at a time.

mod link_record;
mod node_registry;
mod outputs;
mod relay_state;
mod shared_state;
mod snapshot;
#[cfg(test)]
mod tests;

pub(crate) use link_record::{LinkControl, LinkInbox, LinkSignal};
pub(crate) use node_registry::check_hello;
pub(crate) use outputs::{StateOutputs, logs_recovery};
pub(crate) use relay_state::{DeliveryTest, RelayState};
pub(crate) use shared_state::SharedState;
