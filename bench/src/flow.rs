//! The messages of one session to one user, and which of them arrived.

use super::{protocol::Template, stamp::Stamp};

/// How many numbers below the highest one are tracked one by one.
const WINDOW: u32 = u128::BITS;

/// The messages of one session to one user.
#[derive(Debug)]
pub(super) struct MessageFlow {
    pub(super) id: u32,
    /// The sending session.
    pub(super) from: usize,
    /// The receiving session.
    pub(super) to: usize,
    /// The traffic that it belongs to.
    pub(super) traffic: usize,
    template: Template,
    /// The number of the next message.
    next: u32,
    arrived: Arrived,
}

impl MessageFlow {
    pub(super) fn new(
        id: u32,
        traffic: usize,
        (from, to): (usize, usize),
        template: Template,
    ) -> Self {
        Self { id, from, to, traffic, template, next: 0, arrived: Arrived::default() }
    }

    /// The length of the bodies, without quotes.
    pub(super) fn body_bytes(&self) -> usize {
        self.template.body_bytes
    }

    /// Appends the next message's frame.
    pub(super) fn write_next(&mut self, due_ns: u64, out: &mut Vec<u8>) {
        let stamp = Stamp { flow: self.id, seq: self.next, due_ns };
        self.next = self.next.wrapping_add(1);
        self.template.write(stamp, out);
    }

    /// Notes the arrival of the message `seq`.
    pub(super) fn arrived(&mut self, seq: u32) -> ArrivalOrder {
        self.arrived.note(seq)
    }
}

/// How a message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArrivalOrder {
    /// For the first time, after all earlier ones that arrived.
    InOrder,
    /// For the first time, but after a later one.
    Late,
    /// Again.
    Again,
}

/// Which messages of a flow have arrived. Refused ones leave gaps that are not losses.
#[derive(Debug, Default)]
struct Arrived {
    /// One above the highest number.
    end: u32,
    /// Bit n is `end - 1 - n`.
    recent: u128,
}

impl Arrived {
    fn note(&mut self, seq: u32) -> ArrivalOrder {
        if seq >= self.end {
            let ahead = seq - self.end + 1;
            self.recent = if ahead < WINDOW { self.recent << ahead } else { 0 } | 1;
            self.end = seq + 1;
            return ArrivalOrder::InOrder;
        }
        let behind = self.end - 1 - seq;
        if behind >= WINDOW {
            // Too old to know whether it is a repeat; it is out of order in any case.
            return ArrivalOrder::Late;
        }
        let bit = 1 << behind;
        if self.recent & bit != 0 {
            return ArrivalOrder::Again;
        }
        self.recent |= bit;
        ArrivalOrder::Late
    }
}

/// What happened to the messages of a traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficCounts {
    /// Messages written.
    pub sent: u64,
    /// Messages that arrived, repeats not counted.
    pub arrived: u64,
    /// Sends with a receipt that they were not delivered.
    pub refused: u64,
    /// Sends with a receipt `delivered`.
    pub delivered: u64,
    /// Sends with a receipt `unconfirmed`.
    pub unconfirmed: u64,
    /// Messages that arrived again.
    pub repeated: u64,
    /// Messages that arrived after a later one of their flow.
    pub disordered: u64,
}

impl TrafficCounts {
    /// Sends without an arrival or a refusal.
    pub fn open(&self) -> u64 {
        self.sent.saturating_sub(self.arrived + self.refused)
    }

    /// What was added since `before`.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            sent: self.sent - before.sent,
            arrived: self.arrived - before.arrived,
            refused: self.refused - before.refused,
            delivered: self.delivered - before.delivered,
            unconfirmed: self.unconfirmed - before.unconfirmed,
            repeated: self.repeated - before.repeated,
            disordered: self.disordered - before.disordered,
        }
    }

    /// Adds an arrival. Returns whether it was the message's first.
    pub(super) fn note(&mut self, arrival: ArrivalOrder) -> bool {
        match arrival {
            ArrivalOrder::InOrder => {}
            ArrivalOrder::Late => self.disordered += 1,
            ArrivalOrder::Again => {
                self.repeated += 1;
                return false;
            }
        }
        self.arrived += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{ArrivalOrder::*, *};

    #[test]
    fn repeats_and_late_arrivals_are_distinct() {
        let mut arrived = Arrived::default();
        let found: Vec<_> = [0, 1, 3, 2, 2, 1, 200, 199, 3].map(|seq| arrived.note(seq)).into();
        assert_eq!(found, [InOrder, InOrder, InOrder, Late, Again, Again, InOrder, Late, Late]);
    }

    #[test]
    fn jump_beyond_the_window_clears_it() {
        let mut arrived = Arrived::default();
        assert_eq!(arrived.note(5), InOrder);
        assert_eq!(arrived.note(5 + WINDOW), InOrder);
        assert_eq!(arrived.recent, 1);
        assert_eq!(arrived.note(6), Late);
    }
}
