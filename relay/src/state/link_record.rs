//! What the state knows about one link, and what joins it to the task that serves the link.

use std::{fmt::Debug, net::SocketAddr, rc::Rc};

use bytes::Bytes;
use quinn::{Connection, PathStats};
use tokio::sync::mpsc;
use trunkline_protocol::{Name, control::Hello};

use crate::{
    defaults::{CONTROL_QUEUE_FOR_OPERATORS, CONTROL_QUEUE_MAX},
    link_close_reason::LinkCloseReason,
    switch::Port,
};

/// An admission and a close. The first close counts, so a further one may be dropped.
const SIGNALS_MAX: usize = 2;

#[derive(Debug)]
pub(super) struct LinkRecord {
    /// The node's name, from its certificate.
    pub(super) name: Name,
    pub(super) hello: Hello,
    /// Its lanes in the switch.
    pub(super) port: Rc<Port>,
    pub(super) control: LinkControl,
    /// In Unix milliseconds.
    pub(super) opened_at_ms: u64,
    /// It is admitted, and nothing has decided to close it.
    pub(super) is_up: bool,
}

/// The state's end: it can tell the task something, and nothing else.
#[derive(Debug)]
pub(crate) struct LinkControl {
    pub(super) transport: Rc<dyn LinkTransport>,
    outbox: mpsc::Sender<Bytes>,
    signals: mpsc::Sender<LinkSignal>,
}

/// The task's end.
#[derive(Debug)]
pub(crate) struct LinkInbox {
    /// Encoded messages for the control stream.
    pub(crate) outbox: mpsc::Receiver<Bytes>,
    pub(crate) signals: mpsc::Receiver<LinkSignal>,
}

/// A decision about a link.
#[derive(Debug)]
pub(crate) enum LinkSignal {
    Admitted,
    Close(LinkCloseReason),
}

/// What a link's transport measures. A trait, so that tests need no connection.
pub(crate) trait LinkTransport: Debug {
    fn remote_address(&self) -> SocketAddr;
    fn path_stats(&self) -> PathStats;
}

impl LinkTransport for Connection {
    fn remote_address(&self) -> SocketAddr {
        self.remote_address()
    }

    fn path_stats(&self) -> PathStats {
        self.stats().path
    }
}

impl LinkControl {
    pub(crate) fn new(transport: Rc<dyn LinkTransport>) -> (Self, LinkInbox) {
        let (outbox, messages) = mpsc::channel(CONTROL_QUEUE_MAX);
        let (signals, decisions) = mpsc::channel(SIGNALS_MAX);
        let inbox = LinkInbox { outbox: messages, signals: decisions };
        (Self { transport, outbox, signals }, inbox)
    }

    /// Whether the message found room in the queue, or the task has ended already.
    pub(super) fn send(&self, message: Bytes) -> bool {
        !matches!(self.outbox.try_send(message), Err(mpsc::error::TrySendError::Full(_)))
    }

    /// Whether one more message for an operator may wait.
    pub(super) fn has_room_for_operators(&self) -> bool {
        self.outbox.max_capacity() - self.outbox.capacity() < CONTROL_QUEUE_FOR_OPERATORS
    }

    pub(super) fn signal(&self, signal: LinkSignal) {
        let _ = self.signals.try_send(signal);
    }
}
