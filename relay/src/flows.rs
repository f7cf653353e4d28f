//! Who sent how much to whom: counters that are indexed by small numbers, so that counting a batch
//! searches for nothing.

use trunkline_protocol::{Name, status::TrafficFlow};

use crate::defaults::NODES_MAX;

/// A node's place among the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(usize);

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Carried {
    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// What was passed on since the relay started. A node that comes back goes on where it was, unless
/// it was forgotten in the meantime.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    counted: Vec<Option<Counted>>,
    total: Carried,
}

/// What was passed on from and to one node.
#[derive(Debug)]
struct Counted {
    name: Name,
    from: Carried,
    to: Carried,
    /// What came from it, by the destination's slot; as long as was needed so far.
    by_destination: Vec<Carried>,
}

impl Flows {
    /// The node's place, the same each time; `None` if there are [`NODES_MAX`] others.
    pub(crate) fn slot(&mut self, name: &Name) -> Option<Slot> {
        if let Some(slot) = self.find(name) {
            return Some(slot);
        }
        let free = self.counted.iter().position(Option::is_none).unwrap_or(self.counted.len());
        if free == NODES_MAX {
            return None;
        }
        if free == self.counted.len() {
            self.counted.push(None);
        }
        self.counted[free] = Some(Counted::new(name));
        Some(Slot(free))
    }

    /// Counts a batch.
    pub(crate) fn count(&mut self, from: Slot, to: Slot, messages: u16, bytes: usize) {
        let carried = Carried { messages: messages.into(), bytes: bytes as u64 };
        self.total.add(carried);
        if let Some(destination) = &mut self.counted[to.0] {
            destination.to.add(carried);
        }
        if let Some(origin) = &mut self.counted[from.0] {
            origin.from.add(carried);
            if origin.by_destination.len() <= to.0 {
                origin.by_destination.resize(to.0 + 1, Carried::default());
            }
            origin.by_destination[to.0].add(carried);
        }
    }

    /// All that was passed on.
    pub(crate) fn total(&self) -> Carried {
        self.total
    }

    /// What came from a node and was passed on, and what was passed on to it.
    pub(crate) fn of(&self, name: &Name) -> (Carried, Carried) {
        let counted = self.find(name).and_then(|slot| self.counted[slot.0].as_ref());
        counted.map(|counted| (counted.from, counted.to)).unwrap_or_default()
    }

    /// Every pair of nodes that had something to say.
    pub(crate) fn pairs(&self) -> Vec<TrafficFlow> {
        self.counted.iter().flatten().flat_map(|origin| self.pairs_from(origin)).collect()
    }

    /// Forgets the nodes that are not to be kept; others may have their places.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Name) -> bool) {
        for at in 0..self.counted.len() {
            if self.counted[at].as_ref().is_some_and(|counted| !keep(&counted.name)) {
                self.counted[at] = None;
                let others = self.counted.iter_mut().flatten();
                others.filter_map(|other| other.by_destination.get_mut(at)).for_each(|carried| {
                    *carried = Carried::default();
                });
            }
        }
    }

    fn find(&self, name: &Name) -> Option<Slot> {
        let is_it = |counted: &Option<Counted>| counted.as_ref().is_some_and(|it| it.name == *name);
        self.counted.iter().position(is_it).map(Slot)
    }

    fn pairs_from(&self, origin: &Counted) -> impl Iterator<Item = TrafficFlow> {
        let destinations = origin.by_destination.iter().zip(&self.counted);
        destinations.filter(|(carried, _)| carried.messages > 0).filter_map(|(carried, to)| {
            Some(TrafficFlow {
                from: origin.name.clone(),
                to: to.as_ref()?.name.clone(),
                messages: carried.messages,
                bytes: carried.bytes,
            })
        })
    }
}

impl Counted {
    fn new(name: &Name) -> Self {
        Self {
            name: name.clone(),
            from: Carried::default(),
            to: Carried::default(),
            by_destination: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn batches_are_counted_by_pair_and_by_node() {
        let mut flows = Flows::default();
        let (a, b) = (flows.slot(&name("a")).unwrap(), flows.slot(&name("b")).unwrap());
        assert_eq!(flows.slot(&name("a")), Some(a));
        flows.count(a, b, 2, 100);
        flows.count(a, b, 1, 50);
        flows.count(b, a, 5, 10);

        assert_eq!(flows.total(), Carried { messages: 8, bytes: 160 });
        let (from, to) = flows.of(&name("a"));
        assert_eq!((from.messages, to.messages), (3, 5));
        assert_eq!(flows.of(&name("c")).0.messages, 0);
        let pair = TrafficFlow { from: name("a"), to: name("b"), messages: 3, bytes: 150 };
        assert_eq!(flows.pairs()[0], pair);
        assert_eq!(flows.pairs().len(), 2);
    }

    #[test]
    fn who_is_forgotten_makes_room_and_leaves_nothing_to_its_successor() {
        let mut flows = Flows::default();
        for number in 0..NODES_MAX {
            assert!(flows.slot(&name(&format!("n{number}"))).is_some());
        }
        assert_eq!(flows.slot(&name("one-more")), None);
        let (kept, gone) = (flows.slot(&name("n0")).unwrap(), flows.slot(&name("n1")).unwrap());
        flows.count(kept, gone, 4, 40);

        flows.retain(|name| name.as_str() != "n1");
        assert_eq!(flows.slot(&name("one-more")), Some(gone));
        assert_eq!(flows.of(&name("one-more")), Default::default());
        assert!(flows.pairs().is_empty());
        assert_eq!(flows.of(&name("n0")).0.messages, 4);
        assert_eq!(flows.total().messages, 4);
    }
}
