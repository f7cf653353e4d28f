//! The one cell.

use std::{cell::RefCell, net::SocketAddr, rc::Rc, time::Instant};

use tokio::sync::{Notify, futures::Notified};
use trunkline_protocol::lane::Batch;

use super::{outputs, relay_state::RelayState};
use crate::switch::{DirtyLanes, Port, ProtocolViolation};

/// Lends the state to one query or change at a time.
#[derive(Debug)]
pub(crate) struct SharedState {
    state: RefCell<RelayState>,
    members_changed: Rc<Notify>,
    trace_changed: Rc<Notify>,
}

impl SharedState {
    pub(crate) fn new(state: RelayState) -> Self {
        let members_changed = state.outputs.members_changed.clone();
        let trace_changed = state.outputs.trace_changed.clone();
        Self { state: RefCell::new(state), members_changed, trace_changed }
    }

    pub(crate) fn query<T>(&self, query: impl FnOnce(&RelayState) -> T) -> T {
        query(&self.state.borrow())
    }

    /// Changes the state. `change` must not use this cell.
    pub(crate) fn apply<T>(&self, change: impl FnOnce(&mut RelayState, Instant) -> T) -> T {
        change(&mut self.state.borrow_mut(), Instant::now())
    }

    /// Forwards a batch. Apart from [`Self::apply`], because it runs for every batch and needs no
    /// time.
    pub(crate) fn forward(
        &self,
        origin: &Port,
        lane: usize,
        batch: &Batch<'_>,
        dirty: &mut DirtyLanes,
    ) -> Result<(), ProtocolViolation> {
        self.state.borrow_mut().switch.forward(origin, lane, batch, dirty)
    }

    /// Logs that a connection was rejected, and reports it to operators. `who` is empty if the peer
    /// has shown no certificate.
    pub(crate) fn connection_rejected(&self, who: &str, address: SocketAddr, reason: &str) {
        outputs::log_rejection(who, address, reason);
        let at = if who.is_empty() { String::new() } else { format!("{who} at ") };
        self.apply(|state, _| state.connection_rejected(format!("{at}{address}: {reason}")));
    }

    /// Completes when the membership has to be announced.
    pub(crate) async fn members_changed(&self) {
        self.members_changed.notified().await;
    }

    /// Completes when a node reports a trace event after this call.
    pub(crate) fn trace_changed(&self) -> Notified<'_> {
        self.trace_changed.notified()
    }
}
