//! The sessions of a node, their sockets, and the receipts that they cause.

use std::collections::VecDeque;

use smallvec::SmallVec;
use trunkline_node::custody::LocalDelivery;
use trunkline_protocol::{
    Incarnation,
    lane::{Receipt, ReceiptStatus},
};

use crate::checker::Checker;

/// One client's connection.
#[derive(Debug)]
pub(crate) struct SimulatedSession {
    pub(crate) id: u32,
    pub(crate) user: usize,
    pub(crate) opened_ms: u64,
    /// The messages that its socket has not taken, each with its group.
    buffer: VecDeque<(u32, usize)>,
    /// A part of the first message was written.
    is_partly_written: bool,
    /// The last message that it received of each sender.
    last: SmallVec<[(u64, u32); 4]>,
}

/// One message for all sessions of a user on one node.
#[derive(Debug)]
struct Group {
    receipt: PendingReceipt,
    waiting: u16,
    full: u16,
    maybe: u16,
    closed: u16,
    answered: bool,
}

/// A receipt, and the node it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingReceipt {
    /// The node that has custody; `None` is this one.
    pub(crate) origin: Option<Incarnation>,
    pub(crate) receipt: Receipt,
}

/// All sessions of a node.
#[derive(Debug, Default)]
pub(crate) struct SimulatedSessions {
    pub(crate) open: Vec<SimulatedSession>,
    groups: Vec<Group>,
    /// The receipts that have yet to be taken away.
    pub(crate) receipts: VecDeque<PendingReceipt>,
}

/// How a session ends with a message.
#[derive(Clone, Copy, Debug)]
enum WriteEnd {
    Taken,
    Maybe,
    Closed,
}

impl SimulatedSessions {
    pub(crate) fn log_in(&mut self, id: u32, user: usize, now_ms: u64) {
        self.open.push(SimulatedSession {
            id,
            user,
            opened_ms: now_ms,
            buffer: VecDeque::new(),
            is_partly_written: false,
            last: SmallVec::new(),
        });
    }

    pub(crate) fn has(&self, user: usize) -> bool {
        self.open.iter().any(|session| session.user == user)
    }

    /// Whether a session of the user has been open since then.
    pub(crate) fn has_since(&self, user: usize, ms: u64) -> bool {
        self.open.iter().any(|session| session.user == user && session.opened_ms <= ms)
    }

    /// Whether a session of the user has room for another message.
    pub(crate) fn has_room(&self, user: usize, room: usize) -> bool {
        self.open.iter().any(|session| session.user == user && session.buffer.len() < room)
    }

    /// Puts a message into the buffer of every session of the user.
    pub(crate) fn offer(
        &mut self,
        user: usize,
        id: u32,
        receipt: PendingReceipt,
        room: usize,
    ) -> LocalDelivery {
        let mut group =
            Group { receipt, waiting: 0, full: 0, maybe: 0, closed: 0, answered: false };
        for session in self.open.iter_mut().filter(|session| session.user == user) {
            if session.buffer.len() < room {
                session.buffer.push_back((id, self.groups.len()));
                group.waiting += 1;
            } else {
                group.full += 1;
            }
        }
        match (group.waiting, group.full) {
            (0, 0) => LocalDelivery::Nobody,
            (0, _) => LocalDelivery::Full,
            _ => {
                self.groups.push(group);
                LocalDelivery::Waiting
            }
        }
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = usize> {
        let waits = |(_, session): &(usize, &SimulatedSession)| !session.buffer.is_empty();
        self.open.iter().enumerate().filter(waits).map(|(at, _)| at)
    }

    /// A socket takes the rest of the first message.
    pub(crate) fn take(&mut self, at: usize, checker: &mut Checker) {
        let session = &mut self.open[at];
        let Some((id, group)) = session.buffer.pop_front() else { return };
        session.is_partly_written = false;
        checker.received(session.id, &mut session.last, id);
        self.end(group, WriteEnd::Taken);
    }

    /// A socket takes only a part of the first message.
    pub(crate) fn write_part(&mut self, at: usize) {
        let session = &mut self.open[at];
        session.is_partly_written = !session.buffer.is_empty();
    }

    /// The process dies. It answers nothing any more.
    pub(crate) fn die(&mut self, rest_was_read: bool, checker: &mut Checker) {
        while !self.open.is_empty() {
            self.close(0, rest_was_read, checker);
        }
        self.receipts.clear();
    }

    /// A session ends. A client that had a part of a message may have received the rest.
    pub(crate) fn close(&mut self, at: usize, rest_was_read: bool, checker: &mut Checker) {
        let mut session = self.open.swap_remove(at);
        for (at, (id, group)) in session.buffer.into_iter().enumerate() {
            let partly = at == 0 && session.is_partly_written;
            if partly && rest_was_read {
                checker.received(session.id, &mut session.last, id);
            }
            self.end(group, if partly { WriteEnd::Maybe } else { WriteEnd::Closed });
        }
    }

    fn end(&mut self, group: usize, end: WriteEnd) {
        let group = &mut self.groups[group];
        group.waiting -= 1;
        match end {
            WriteEnd::Taken => {}
            WriteEnd::Maybe => group.maybe += 1,
            WriteEnd::Closed => group.closed += 1,
        }
        let status = match end {
            WriteEnd::Taken => ReceiptStatus::Taken,
            _ if group.waiting > 0 => return,
            _ if group.maybe > 0 => ReceiptStatus::Maybe,
            _ if group.full > 0 => ReceiptStatus::Full,
            _ => ReceiptStatus::NotHere,
        };
        if std::mem::replace(&mut group.answered, true) {
            return;
        }
        let taken = status == ReceiptStatus::Taken;
        let missed = if taken { group.full + group.maybe + group.closed } else { 0 };
        let receipt = Receipt { status, missed, ..group.receipt.receipt };
        self.receipts.push_back(PendingReceipt { receipt, ..group.receipt });
    }
}

impl PendingReceipt {
    /// The receipt for message number `seq` of `origin`.
    pub(crate) fn to(origin: Option<Incarnation>, seq: u64, status: ReceiptStatus) -> Self {
        Self { origin, receipt: Receipt { seq, status, route_stale: false, missed: 0 } }
    }
}
