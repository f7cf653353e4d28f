use std::collections::VecDeque;

use hashbrown::HashMap;

/// What keeps the messages for one recipient in order.
///
/// A send that fails is tried again only when no later one is open, and only if no later one of the
/// same sender may have arrived. The order is kept with numbers alone, because a lock-step that
/// sends one message and waits for its receipt would cost a round trip per message.
#[derive(Debug, Default)]
pub(super) struct DeliveryOrder {
    /// The sends in flight that surely have not arrived anywhere yet, by number. A send leaves this
    /// list with its first branch that may have arrived.
    open: VecDeque<u64>,
    /// The last send of each sender that may have arrived ahead of an earlier one. Empty unless
    /// something failed, so the usual send costs no hash.
    ahead: HashMap<u64, u64>,
}

impl DeliveryOrder {
    /// The first send that is open.
    pub(super) fn first_open(&self) -> Option<u64> {
        self.open.front().copied()
    }

    /// The last send that is open.
    pub(super) fn last_open(&self) -> Option<u64> {
        self.open.back().copied()
    }

    /// A send is in flight. None that is open has a higher number.
    pub(super) fn open(&mut self, seq: u64) {
        debug_assert!(self.last_open() < Some(seq), "sends are dispatched in order");
        self.open.push_back(seq);
    }

    /// A send is not open any more, or was not before.
    pub(super) fn close(&mut self, seq: u64) {
        match self.first_open() {
            // Receipts come in order from each node: almost always it is the first.
            Some(first) if first == seq => drop(self.open.pop_front()),
            Some(first) if first < seq => {
                if let Ok(at) = self.open.binary_search(&seq) {
                    self.open.remove(at);
                }
            }
            _ => {}
        }
    }

    /// A send may have arrived although an earlier one may yet be tried again.
    pub(super) fn mark_ahead(&mut self, sender: u64, seq: u64) {
        let last = self.ahead.entry(sender).or_insert(seq);
        *last = seq.max(*last);
    }

    /// Whether trying this send again could break the order.
    pub(super) fn is_overtaken(&self, sender: u64, seq: u64) -> bool {
        self.ahead.get(&sender).is_some_and(|&last| last > seq)
    }

    /// Forgets what matters to no send from `first` on.
    pub(super) fn forget_before(&mut self, first: u64) {
        self.ahead.retain(|_, last| *last > first);
    }
}
