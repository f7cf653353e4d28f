use std::{collections::VecDeque, ops::RangeInclusive};

use slab::Slab;

use super::send::PendingSend;

/// Marks the slot of a number whose send has ended.
const NONE: u32 = u32::MAX;

/// The sends in custody, by number.
///
/// Numbers only grow, and each is open for at most one deadline. So the index is a ring of four
/// bytes for each number from the oldest open one on. The sends lie close together in a slab, which
/// takes the slot that was left last first. A table hashed by number was measured before: it missed
/// the processor's caches at every step.
#[derive(Debug)]
pub(super) struct Sends<P> {
    open: Slab<PendingSend<P>>,
    /// The slot of each number's send, from the oldest open one on.
    slots: VecDeque<u32>,
    /// The number of the first of these.
    first: u64,
}

impl<P> Default for Sends<P> {
    fn default() -> Self {
        Self { open: Slab::new(), slots: VecDeque::new(), first: 0 }
    }
}

impl<P> Sends<P> {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds a send whose number is higher than any before it.
    pub(super) fn insert(&mut self, seq: u64, send: PendingSend<P>) {
        if self.slots.is_empty() {
            self.first = seq;
        }
        let at = (seq - self.first) as usize;
        debug_assert!(at >= self.slots.len(), "numbers only grow");
        self.slots.resize(at, NONE);
        self.slots.push_back(self.open.insert(send) as u32);
    }

    pub(super) fn remove(&mut self, seq: u64) -> Option<PendingSend<P>> {
        let at = self.at(seq)?;
        let slot = std::mem::replace(&mut self.slots[at], NONE);
        while self.slots.pop_front_if(|slot| *slot == NONE).is_some() {
            self.first += 1;
        }
        self.open.try_remove(slot as usize)
    }

    pub(super) fn get(&self, seq: u64) -> Option<&PendingSend<P>> {
        self.open.get(self.slots[self.at(seq)?] as usize)
    }

    pub(super) fn get_mut(&mut self, seq: u64) -> Option<&mut PendingSend<P>> {
        self.open.get_mut(self.slots[self.at(seq)?] as usize)
    }

    /// Those with these numbers, in order.
    pub(super) fn range(
        &self,
        seqs: RangeInclusive<u64>,
    ) -> impl Iterator<Item = (u64, &PendingSend<P>)> {
        let until = seqs.end().saturating_add(1).saturating_sub(self.first);
        let until = self.slots.len().min(until as usize);
        let from = seqs.start().saturating_sub(self.first) as usize;
        let from = from.min(until);
        let sends = self.slots.range(from..until).map(|&slot| self.open.get(slot as usize));
        (self.first + from as u64..).zip(sends).filter_map(|(seq, send)| Some((seq, send?)))
    }

    fn at(&self, seq: u64) -> Option<usize> {
        let at = seq.checked_sub(self.first)? as usize;
        (at < self.slots.len()).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(
            steps in prop::collection::vec((any::<bool>(), 0..40_u64), 1..200),
            from in 0..60_u64,
            span in 0..60_u64,
        ) {
            let (mut sends, mut model, mut last) = (Sends::default(), BTreeMap::new(), 0);
            for (adds, number) in steps {
                if adds {
                    last += 1 + number % 3;
                    sends.insert(last, PendingSend::new((), last as usize));
                    model.insert(last, last as usize);
                } else {
                    let seq = last.saturating_sub(number);
                    prop_assert_eq!(sends.remove(seq).map(|send| send.to), model.remove(&seq));
                }
            }
            prop_assert_eq!((sends.len(), sends.is_empty()), (model.len(), model.is_empty()));
            for seq in 0..=last + 1 {
                prop_assert_eq!(sends.get(seq).map(|send| &send.to), model.get(&seq));
                let mutable = sends.get_mut(seq).map(|send| send.to);
                prop_assert_eq!(mutable, model.get(&seq).copied());
            }
            let some: Vec<_> = sends.range(from..=from + span).map(|(seq, _)| seq).collect();
            let expected: Vec<_> = model.range(from..=from + span).map(|(&seq, _)| seq).collect();
            prop_assert_eq!(some, expected);
            prop_assert_eq!(sends.range(0..=u64::MAX).count(), model.len());
        }
    }

    #[test]
    fn the_highest_numbers_are_none() {
        let mut sends = Sends::default();
        sends.insert(7, PendingSend::new((), 0));
        assert_eq!(sends.range(0..=u64::MAX).count(), 1);
        assert!(sends.get(u64::MAX).is_none());
    }
}
