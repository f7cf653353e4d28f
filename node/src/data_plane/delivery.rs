use trunkline_protocol::{
    Incarnation,
    lane::{Receipt, ReceiptStatus},
};

/// What is to be told when a session's socket has taken a message: whose custody it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    /// The incarnation that has custody.
    pub(super) origin: Incarnation,
    /// The message's number there.
    pub(super) seq: u64,
    /// The group it belongs to, if the message went to several sessions.
    pub(super) group: Option<u32>,
    /// The user has logged in elsewhere lately.
    pub(super) route_stale: bool,
}

/// One message's deliveries to several sessions of a user, which are answered as one.
#[derive(Debug)]
pub(super) struct Group {
    /// Sessions whose answer is out.
    open: u16,
    /// Sessions that had no room, or ended before they got it.
    missed: u16,
    /// The strongest status so far.
    status: ReceiptStatus,
    answered: bool,
}

impl Group {
    /// A message that waits in the buffers of `open` sessions; `full` more had no room.
    pub(super) fn new(open: u16, full: u16) -> Self {
        let status = if full > 0 { ReceiptStatus::Full } else { ReceiptStatus::NotHere };
        Self { open, missed: full, status, answered: false }
    }

    /// One session's answer. Returns the message's, when it is known: at once if it was taken,
    /// else when the last session has answered.
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

/// The order in which the verdicts of several sessions are joined to one.
fn rank(status: ReceiptStatus) -> u8 {
    match status {
        ReceiptStatus::NotHere => 0,
        ReceiptStatus::Full => 1,
        ReceiptStatus::Maybe => 2,
        ReceiptStatus::Taken => 3,
    }
}

impl Ticket {
    /// The receipt that answers for this message.
    pub(super) fn receipt(self, status: ReceiptStatus, missed: u16) -> Receipt {
        Receipt { seq: self.seq, status, route_stale: self.route_stale, missed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_taken_answers_for_all() {
        let mut group = Group::new(3, 1);
        assert_eq!(group.answer(ReceiptStatus::NotHere), None);
        assert_eq!(group.answer(ReceiptStatus::Taken), Some((ReceiptStatus::Taken, 2)));
        assert_eq!(group.answer(ReceiptStatus::Taken), None);
        assert!(group.is_done());
    }

    #[test]
    fn without_one_the_strongest_answers_at_the_end() {
        let mut group = Group::new(2, 1);
        assert_eq!(group.answer(ReceiptStatus::Maybe), None);
        assert_eq!(group.answer(ReceiptStatus::NotHere), Some((ReceiptStatus::Maybe, 0)));
    }
}
