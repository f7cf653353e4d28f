//! What is sent from one session to one user, and the account of it.

use super::{peer::Template, stamp::Stamp};

/// How many numbers below the highest that has arrived are remembered one by one.
const WINDOW: u32 = u128::BITS;

/// What one session sends to one user.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) id: u32,
    /// The sending session.
    pub(super) from: usize,
    /// The session that the messages are to arrive at.
    pub(super) to: usize,
    /// To which traffic it belongs.
    pub(super) traffic: usize,
    template: Template,
    /// The number of the next message.
    next: u32,
    arrived: Arrived,
}

impl Flow {
    pub(super) fn new(
        id: u32,
        traffic: usize,
        (from, to): (usize, usize),
        template: Template,
    ) -> Self {
        Self { id, from, to, traffic, template, next: 0, arrived: Arrived::default() }
    }

    /// How long the bodies are, without what a language puts around them.
    pub(super) fn body_bytes(&self) -> usize {
        self.template.body_bytes
    }

    /// Appends the next message's frame.
    pub(super) fn write_next(&mut self, due_ns: u64, out: &mut Vec<u8>) {
        let stamp = Stamp { flow: self.id, seq: self.next, due_ns };
        self.next = self.next.wrapping_add(1);
        self.template.write(stamp, out);
    }

    /// Takes note that the message `seq` has arrived.
    pub(super) fn arrived(&mut self, seq: u32) -> Arrival {
        self.arrived.note(seq)
    }
}

/// How a message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// For the first time, after all that were sent before it.
    InOrder,
    /// For the first time, but after one that was sent later.
    Late,
    /// Once more.
    Again,
}

/// Which messages of a flow have arrived. Refused ones leave gaps, and are none that are lost.
#[derive(Debug, Default)]
struct Arrived {
    /// One above the highest number.
    end: u32,
    /// Bit n stands for `end - 1 - n`.
    recent: u128,
}

impl Arrived {
    fn note(&mut self, seq: u32) -> Arrival {
        if seq >= self.end {
            let ahead = seq - self.end + 1;
            self.recent = if ahead < WINDOW { self.recent << ahead } else { 0 } | 1;
            self.end = seq + 1;
            return Arrival::InOrder;
        }
        let behind = self.end - 1 - seq;
        if behind >= WINDOW {
            // Too old to tell from a repeat: it is out of order either way.
            return Arrival::Late;
        }
        let bit = 1 << behind;
        if self.recent & bit != 0 {
            return Arrival::Again;
        }
        self.recent |= bit;
        Arrival::Late
    }
}

/// What became of the messages of a traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages written.
    pub sent: u64,
    /// Messages that arrived, each counted once.
    pub arrived: u64,
    /// Sends that were refused, and told so.
    pub refused: u64,
    /// Sends that were told to have arrived.
    pub delivered: u64,
    /// Sends of which nobody knew whether they arrived, and told so.
    pub unconfirmed: u64,
    /// Messages that arrived once more.
    pub repeated: u64,
    /// Messages that arrived after one that was sent later.
    pub disordered: u64,
}

impl Counts {
    /// Sends of which nothing was heard.
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
    pub(super) fn note(&mut self, arrival: Arrival) -> bool {
        match arrival {
            Arrival::InOrder => {}
            Arrival::Late => self.disordered += 1,
            Arrival::Again => {
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
    use super::{Arrival::*, *};

    #[test]
    fn arrivals_are_told_apart() {
        let mut arrived = Arrived::default();
        let told: Vec<_> = [0, 1, 3, 2, 2, 1, 200, 199, 3].map(|seq| arrived.note(seq)).into();
        assert_eq!(told, [InOrder, InOrder, InOrder, Late, Again, Again, InOrder, Late, Late]);
    }

    #[test]
    fn a_far_jump_forgets_what_was_before() {
        let mut arrived = Arrived::default();
        assert_eq!(arrived.note(5), InOrder);
        assert_eq!(arrived.note(5 + WINDOW), InOrder);
        assert_eq!(arrived.recent, 1);
        assert_eq!(arrived.note(6), Late);
    }
}
