//! Which nodes sent how much to which: counters indexed by small numbers, so that counting a batch
//! takes no look-up.

use trunkline_protocol::{Name, status::TrafficFlow};

use crate::defaults::NODES_MAX;

/// A node's index among the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrafficSlot(usize);

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrafficCount {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl TrafficCount {
    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// What was forwarded since the relay started. A node that comes back keeps its counters, unless it
/// was forgotten in the meantime.
#[derive(Debug, Default)]
pub(crate) struct TrafficMatrix {
    nodes: Vec<Option<NodeTraffic>>,
    pub(crate) total: TrafficCount,
}

/// What was forwarded from and to one node.
#[derive(Debug)]
struct NodeTraffic {
    name: Name,
    from: TrafficCount,
    to: TrafficCount,
    /// What came from it, by the destination's slot; grows to the highest slot used.
    by_destination: Vec<TrafficCount>,
}

impl TrafficMatrix {
    /// The node's slot, the same each time; `None` if there are [`NODES_MAX`] others.
    pub(crate) fn slot(&mut self, name: &Name) -> Option<TrafficSlot> {
        if let Some(slot) = self.find(name) {
            return Some(slot);
        }
        let free = self.nodes.iter().position(Option::is_none).unwrap_or(self.nodes.len());
        if free == NODES_MAX {
            return None;
        }
        if free == self.nodes.len() {
            self.nodes.push(None);
        }
        let (from, to) = (TrafficCount::default(), TrafficCount::default());
        let traffic = NodeTraffic { name: name.clone(), from, to, by_destination: Vec::new() };
        self.nodes[free] = Some(traffic);
        Some(TrafficSlot(free))
    }

    /// Counts a batch.
    pub(crate) fn count(
        &mut self,
        from: TrafficSlot,
        to: TrafficSlot,
        messages: u16,
        bytes: usize,
    ) {
        let count = TrafficCount { messages: messages.into(), bytes: bytes as u64 };
        self.total.add(count);
        if let Some(destination) = &mut self.nodes[to.0] {
            destination.to.add(count);
        }
        if let Some(origin) = &mut self.nodes[from.0] {
            origin.from.add(count);
            if origin.by_destination.len() <= to.0 {
                origin.by_destination.resize(to.0 + 1, TrafficCount::default());
            }
            origin.by_destination[to.0].add(count);
        }
    }

    /// What was forwarded from a node, and what to it.
    pub(crate) fn of(&self, name: &Name) -> (TrafficCount, TrafficCount) {
        let node = self.find(name).and_then(|slot| self.nodes[slot.0].as_ref());
        node.map(|node| (node.from, node.to)).unwrap_or_default()
    }

    /// Every pair of nodes with traffic.
    pub(crate) fn pairs(&self) -> Vec<TrafficFlow> {
        self.nodes.iter().flatten().flat_map(|origin| self.pairs_from(origin)).collect()
    }

    /// Forgets the nodes that are not to be kept, and frees their slots.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Name) -> bool) {
        for at in 0..self.nodes.len() {
            if self.nodes[at].as_ref().is_some_and(|node| !keep(&node.name)) {
                self.nodes[at] = None;
                let others = self.nodes.iter_mut().flatten();
                others.filter_map(|other| other.by_destination.get_mut(at)).for_each(|count| {
                    *count = TrafficCount::default();
                });
            }
        }
    }

    fn find(&self, name: &Name) -> Option<TrafficSlot> {
        let has_name =
            |node: &Option<NodeTraffic>| node.as_ref().is_some_and(|it| it.name == *name);
        self.nodes.iter().position(has_name).map(TrafficSlot)
    }

    fn pairs_from(&self, origin: &NodeTraffic) -> impl Iterator<Item = TrafficFlow> {
        let destinations = origin.by_destination.iter().zip(&self.nodes);
        destinations.filter(|(count, _)| count.messages > 0).filter_map(|(count, to)| {
            Some(TrafficFlow {
                from: origin.name.clone(),
                to: to.as_ref()?.name.clone(),
                messages: count.messages,
                bytes: count.bytes,
            })
        })
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
        let mut matrix = TrafficMatrix::default();
        let (a, b) = (matrix.slot(&name("a")).unwrap(), matrix.slot(&name("b")).unwrap());
        assert_eq!(matrix.slot(&name("a")), Some(a));
        matrix.count(a, b, 2, 100);
        matrix.count(a, b, 1, 50);
        matrix.count(b, a, 5, 10);

        assert_eq!(matrix.total, TrafficCount { messages: 8, bytes: 160 });
        let (from, to) = matrix.of(&name("a"));
        assert_eq!((from.messages, to.messages), (3, 5));
        assert_eq!(matrix.of(&name("c")).0.messages, 0);
        let pair = TrafficFlow { from: name("a"), to: name("b"), messages: 3, bytes: 150 };
        assert_eq!(matrix.pairs()[0], pair);
        assert_eq!(matrix.pairs().len(), 2);
    }

    #[test]
    fn forgotten_node_frees_its_slot_and_its_counters() {
        let mut matrix = TrafficMatrix::default();
        for number in 0..NODES_MAX {
            assert!(matrix.slot(&name(&format!("n{number}"))).is_some());
        }
        assert_eq!(matrix.slot(&name("one-more")), None);
        let (kept, gone) = (matrix.slot(&name("n0")).unwrap(), matrix.slot(&name("n1")).unwrap());
        matrix.count(kept, gone, 4, 40);

        matrix.retain(|name| name.as_str() != "n1");
        assert_eq!(matrix.slot(&name("one-more")), Some(gone));
        assert_eq!(matrix.of(&name("one-more")), Default::default());
        assert!(matrix.pairs().is_empty());
        assert_eq!(matrix.of(&name("n0")).0.messages, 4);
        assert_eq!(matrix.total.messages, 4);
    }
}
