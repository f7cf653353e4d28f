use std::collections::VecDeque;

use hashbrown::HashMap;

/// What keeps the messages for one recipient in order.
///
/// A send that fails is tried again only when no later one is open, and only if no later one of the
/// same sender may have been handed over.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Sends that are under way and that nobody may have got yet, by number.
    open: VecDeque<u64>,
    /// The last send of each sender that may have been handed over ahead of an earlier one.
    ahead: HashMap<u64, u64>,
}

impl Order {
    /// The first send that is open.
    pub(super) fn first_open(&self) -> Option<u64> {
        self.open.front().copied()
    }

    /// The last send that is open.
    pub(super) fn last_open(&self) -> Option<u64> {
        self.open.back().copied()
    }

    /// A send is under way. None that is open has a higher number.
    pub(super) fn opened(&mut self, seq: u64) {
        debug_assert!(self.last_open() < Some(seq), "sends are dispatched in order");
        self.open.push_back(seq);
    }

    /// A send is not open any more. Almost always it is the first that was, or was closed before.
    pub(super) fn closed(&mut self, seq: u64) {
        match self.first_open() {
            Some(first) if first < seq => {
                if let Ok(at) = self.open.binary_search(&seq) {
                    self.open.remove(at);
                }
            }
            Some(first) if first == seq => drop(self.open.pop_front()),
            _ => {}
        }
    }

    /// A send may have been handed over although an earlier one may yet be tried again.
    pub(super) fn went_ahead(&mut self, sender: u64, seq: u64) {
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
