//! The destination's side: sessions, their sockets, and what becomes of a message there.

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
pub(crate) struct Session {
    pub(crate) id: u32,
    pub(crate) user: usize,
    pub(crate) opened_ms: u64,
    /// Messages that its socket has not taken, each with its group.
    buffer: VecDeque<(u32, usize)>,
    /// A part of the first one was written.
    partly: bool,
    /// The last message that was seen of each sender.
    last: SmallVec<[(u64, u32); 4]>,
}

/// One message for all sessions of a user on one node.
#[derive(Debug)]
struct Group {
    answer: Answer,
    waiting: u16,
    full: u16,
    maybe: u16,
    closed: u16,
    answered: bool,
}

/// What is to be answered to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// Another node, or this one.
    pub(crate) origin: Option<Incarnation>,
    pub(crate) receipt: Receipt,
}

/// All sessions of a node.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pub(crate) open: Vec<Session>,
    groups: Vec<Group>,
    /// Answers that nobody has fetched yet.
    pub(crate) answers: VecDeque<Answer>,
}

/// How a socket was done with a message.
#[derive(Clone, Copy, Debug)]
enum End {
    Taken,
    Maybe,
    Closed,
}

impl Sessions {
    pub(crate) fn log_in(&mut self, id: u32, user: usize, now_ms: u64) {
        self.open.push(Session {
            id,
            user,
            opened_ms: now_ms,
            buffer: VecDeque::new(),
            partly: false,
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
        answer: Answer,
        room: usize,
    ) -> LocalDelivery {
        let mut group = Group { answer, waiting: 0, full: 0, maybe: 0, closed: 0, answered: false };
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
        let waits = |(_, session): &(usize, &Session)| !session.buffer.is_empty();
        self.open.iter().enumerate().filter(waits).map(|(at, _)| at)
    }

    /// A socket takes the rest of the first message.
    pub(crate) fn take(&mut self, at: usize, checker: &mut Checker) {
        let session = &mut self.open[at];
        let Some((id, group)) = session.buffer.pop_front() else { return };
        session.partly = false;
        checker.saw(session.id, &mut session.last, id);
        self.end(group, End::Taken);
    }

    /// A socket takes a part of the first message.
    pub(crate) fn take_part(&mut self, at: usize) {
        let session = &mut self.open[at];
        session.partly = !session.buffer.is_empty();
    }

    /// The process dies: nobody answers any more.
    pub(crate) fn die(&mut self, rest_was_read: bool, checker: &mut Checker) {
        while !self.open.is_empty() {
            self.close(0, rest_was_read, checker);
        }
        self.answers.clear();
    }

    /// A session ends. If its client had a part of a message, it may have read the rest.
    pub(crate) fn close(&mut self, at: usize, rest_was_read: bool, checker: &mut Checker) {
        let mut session = self.open.swap_remove(at);
        for (place, (id, group)) in session.buffer.into_iter().enumerate() {
            let partly = place == 0 && session.partly;
            if partly && rest_was_read {
                checker.saw(session.id, &mut session.last, id);
            }
            self.end(group, if partly { End::Maybe } else { End::Closed });
        }
    }

    fn end(&mut self, group: usize, end: End) {
        let group = &mut self.groups[group];
        group.waiting -= 1;
        match end {
            End::Taken => {}
            End::Maybe => group.maybe += 1,
            End::Closed => group.closed += 1,
        }
        let status = match end {
            End::Taken => ReceiptStatus::Taken,
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
        let receipt = Receipt { status, missed, ..group.answer.receipt };
        self.answers.push_back(Answer { receipt, ..group.answer });
    }
}

impl Answer {
    /// The answer to a message that is the `seq`th of its origin.
    pub(crate) fn to(origin: Option<Incarnation>, seq: u64, status: ReceiptStatus) -> Self {
        Self { origin, receipt: Receipt { seq, status, route_stale: false, missed: 0 } }
    }
}
