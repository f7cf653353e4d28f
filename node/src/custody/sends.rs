use std::{
    collections::VecDeque,
    ops::{Range, RangeInclusive},
};

use slab::Slab;

use super::send::PendingSend;

/// Stands for a number that no open send has.
const NONE: u32 = u32::MAX;

/// The sends in custody, by number.
///
/// Numbers only grow, and each is open for at most one deadline. So the way from a number to its
/// send is a ring of small places, four bytes for each number from the oldest open one on. The
/// sends lie close together, because the place that was left last is taken first: a table hashed by
/// number misses the processor's caches at every step.
#[derive(Debug)]
pub(super) struct Sends<L> {
    open: Slab<PendingSend<L>>,
    /// Where in `open` each number's send is, from the oldest open one on.
    places: VecDeque<u32>,
    /// The number of the first place.
    first: u64,
}

impl<L> Default for Sends<L> {
    fn default() -> Self {
        Self { open: Slab::new(), places: VecDeque::new(), first: 0 }
    }
}

impl<L> Sends<L> {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds a send whose number is higher than any before it.
    pub(super) fn insert(&mut self, seq: u64, send: PendingSend<L>) {
        if self.places.is_empty() {
            self.first = seq;
        }
        let at = (seq - self.first) as usize;
        debug_assert!(at >= self.places.len(), "numbers only grow");
        self.places.resize(at, NONE);
        self.places.push_back(self.open.insert(send) as u32);
    }

    pub(super) fn remove(&mut self, seq: u64) -> Option<PendingSend<L>> {
        let at = self.at(seq)?;
        let place = std::mem::replace(&mut self.places[at], NONE);
        while self.places.pop_front_if(|place| *place == NONE).is_some() {
            self.first += 1;
        }
        self.open.try_remove(place as usize)
    }

    pub(super) fn get(&self, seq: u64) -> Option<&PendingSend<L>> {
        self.open.get(self.places[self.at(seq)?] as usize)
    }

    pub(super) fn get_mut(&mut self, seq: u64) -> Option<&mut PendingSend<L>> {
        self.open.get_mut(self.places[self.at(seq)?] as usize)
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &PendingSend<L>)> {
        self.among(0..self.places.len())
    }

    /// Those with these numbers, in order.
    pub(super) fn range(
        &self,
        seqs: RangeInclusive<u64>,
    ) -> impl Iterator<Item = (u64, &PendingSend<L>)> {
        let until = seqs.end().saturating_add(1).saturating_sub(self.first);
        let until = self.places.len().min(until as usize);
        let from = seqs.start().saturating_sub(self.first) as usize;
        self.among(from.min(until)..until)
    }

    /// All of them, in any order.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut PendingSend<L>> {
        self.open.iter_mut().map(|(_, send)| send)
    }

    fn at(&self, seq: u64) -> Option<usize> {
        let at = seq.checked_sub(self.first)? as usize;
        (at < self.places.len()).then_some(at)
    }

    fn among(&self, places: Range<usize>) -> impl Iterator<Item = (u64, &PendingSend<L>)> {
        let seqs = self.first + places.start as u64..;
        let sends = self.places.range(places).map(|&place| self.open.get(place as usize));
        seqs.zip(sends).filter_map(|(seq, send)| Some((seq, send?)))
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
            let all: BTreeMap<_, _> = sends.iter().map(|(seq, send)| (seq, send.to)).collect();
            prop_assert_eq!(&all, &model);
            for seq in 0..=last + 1 {
                prop_assert_eq!(sends.get(seq).map(|send| &send.to), model.get(&seq));
                let mutable = sends.get_mut(seq).map(|send| send.to);
                prop_assert_eq!(mutable, model.get(&seq).copied());
            }
            let some: Vec<_> = sends.range(from..=from + span).map(|(seq, _)| seq).collect();
            let expected: Vec<_> = model.range(from..=from + span).map(|(&seq, _)| seq).collect();
            prop_assert_eq!(some, expected);
            prop_assert_eq!(sends.values_mut().count(), model.len());
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
