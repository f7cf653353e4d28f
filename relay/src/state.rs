//! The state of the data path: plain data, changed through `&mut self`, behind one cell.
//!
//! [`RelayState`] is the data, and does no I/O: a change leaves effects. [`SharedState`] is the
//! cell: it lends the data to a query or to a change, and carries out the effects when nothing is
//! borrowed any more.

mod effect;
mod event_log;
mod link_control;
mod link_record;
mod membership;
mod node_registry;
mod relay_state;
mod shared_state;
mod snapshot;
#[cfg(test)]
mod tests;

pub(crate) use event_log::logs_recovery;
pub(crate) use link_control::{LinkControl, LinkInbox, LinkSignal};
pub(crate) use node_registry::check_hello;
pub(crate) use relay_state::{DeliveryTest, RelayState};
pub(crate) use shared_state::SharedState;
pub(crate) use snapshot::take_snapshot;
