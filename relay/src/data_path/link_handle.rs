//! What a link's tasks may do.

use std::rc::Rc;

use quinn::Connection;
use trunkline_ops::unix_ms;
use trunkline_protocol::{
    Name,
    control::{Hello, ToRelay},
    lane::Batch,
};

use crate::{
    link_close_reason::LinkCloseReason,
    liveness::LinkId,
    state::{LinkControl, LinkInbox, SharedState},
    switch::{DirtyLanes, Port, ProtocolViolation},
};

/// One link's narrow view of the state: its tasks report what its node says, and forward what the
/// node sends. They see neither other links nor the rest of the state.
#[derive(Clone, Debug)]
pub(super) struct LinkHandle {
    shared: Rc<SharedState>,
    id: LinkId,
    port: Rc<Port>,
}

impl LinkHandle {
    /// Opens a link whose node said hello. The inbox says later whether it is admitted.
    pub(super) fn open(
        shared: &Rc<SharedState>,
        connection: &Connection,
        name: Name,
        hello: Hello,
    ) -> Result<(Self, LinkInbox), LinkCloseReason> {
        let (control, inbox) = LinkControl::new(Rc::new(connection.clone()));
        let opened =
            shared.apply(|state, now| state.open_link(name, hello, control, unix_ms(), now));
        let (id, port) = opened?;
        Ok((Self { shared: shared.clone(), id, port }, inbox))
    }

    pub(super) fn id(&self) -> LinkId {
        self.id
    }

    /// The lanes towards the node.
    pub(super) fn port(&self) -> &Port {
        &self.port
    }

    /// The node said something; fails if that ends the link.
    pub(super) fn receive(&self, message: ToRelay) -> Result<(), LinkCloseReason> {
        self.shared.apply(|state, now| state.receive(self.id, message, unix_ms(), now))
    }

    /// Forwards a batch that came on `lane`; adds the lanes that it appends to to `dirty`.
    pub(super) fn forward(
        &self,
        lane: usize,
        batch: &Batch<'_>,
        dirty: &mut DirtyLanes,
    ) -> Result<(), ProtocolViolation> {
        self.shared.forward(&self.port, lane, batch, dirty)
    }

    /// The kernel of the node's machine refused a datagram to the node's port.
    pub(super) fn connection_refused(&self) {
        self.shared.apply(|state, now| state.connection_refused(self.id, now));
    }

    /// Sends the node a sign of life.
    pub(super) fn heartbeat(&self, seq: u64) {
        self.shared.apply(|state, _| state.heartbeat(self.id, seq));
    }

    /// The link has ended.
    pub(super) fn leave(self) {
        self.shared.apply(|state, now| state.close_link(self.id, now));
    }
}
