use trunkline_protocol::{
    Incarnation,
    lane::{Receipt, ReceiptStatus},
};

/// The node that has custody of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageOrigin {
    /// This one.
    Local,
    /// Another one, in this incarnation.
    Remote(Incarnation),
}

/// A message in a session's buffer, and whom to answer when the socket has taken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) origin: MessageOrigin,
    /// The message's number at its origin.
    pub(super) seq: u64,
    /// The group it belongs to, if the message went to several sessions.
    pub(super) group: Option<u32>,
    /// The user has logged in on another node lately.
    pub(super) route_stale: bool,
}

impl Ticket {
    /// The receipt that answers for this message.
    pub(super) fn receipt(self, status: ReceiptStatus, missed: u16) -> Receipt {
        Receipt { seq: self.seq, status, route_stale: self.route_stale, missed }
    }
}

/// One message in the buffers of several sessions of a user: their answers become one receipt.
#[derive(Debug)]
pub(super) struct Group {
    /// Sessions that have not answered.
    open: u16,
    /// Sessions that had no room, or ended before they got the message.
    missed: u16,
    /// The status that wins so far.
    status: ReceiptStatus,
    answered: bool,
}

impl Group {
    /// A message in the buffers of `open` sessions; `full` more had no room.
    pub(super) fn new(open: u16, full: u16) -> Self {
        let status = if full > 0 { ReceiptStatus::Full } else { ReceiptStatus::NotHere };
        Self { open, missed: full, status, answered: false }
    }

    /// Adds one session's answer. Returns the status and the missed count of the message's receipt,
    /// once, when they are known: with the first `Taken`, or else with the last answer.
    pub(super) fn answer(&mut self, status: ReceiptStatus) -> Option<(ReceiptStatus, u16)> {
        self.open -= 1;
        if status != ReceiptStatus::Taken {
            self.missed += 1;
        }
        if rank(status) > rank(self.status) {
            self.status = status;
        }
        let known = self.status == ReceiptStatus::Taken || self.open == 0;
        if !known || self.answered {
            return None;
        }
        self.answered = true;
        let missed = if self.status == ReceiptStatus::Taken { self.missed } else { 0 };
        Some((self.status, missed))
    }

    /// Whether every session has answered.
    pub(super) fn is_done(&self) -> bool {
        self.open == 0
    }
}

/// Of several sessions' statuses, the one of the highest rank is the message's.
fn rank(status: ReceiptStatus) -> u8 {
    match status {
        ReceiptStatus::NotHere => 0,
        ReceiptStatus::Full => 1,
        ReceiptStatus::Maybe => 2,
        ReceiptStatus::Taken => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_taken_answers_for_the_group() {
        let mut group = Group::new(3, 1);
        assert_eq!(group.answer(ReceiptStatus::NotHere), None);
        assert_eq!(group.answer(ReceiptStatus::Taken), Some((ReceiptStatus::Taken, 2)));
        assert_eq!(group.answer(ReceiptStatus::Taken), None);
        assert!(group.is_done());
    }

    #[test]
    fn without_taken_the_highest_rank_answers_last() {
        let mut group = Group::new(2, 1);
        assert_eq!(group.answer(ReceiptStatus::Maybe), None);
        assert_eq!(group.answer(ReceiptStatus::NotHere), Some((ReceiptStatus::Maybe, 0)));
    }
}
