//! Who sent how much to whom: a matrix of counters, indexed by small numbers so that counting a
//! batch is two array look-ups.

use trunkline_protocol::{Name, status::Flow};

use crate::defaults::NODES_MAX;

/// A node's place in the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u16);

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

/// The counters since the relay started. A node that comes back goes on where it was.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    names: Vec<Name>,
    /// By origin, then by destination; both as long as was needed so far.
    rows: Vec<Vec<Carried>>,
}

impl Flows {
    /// The node's place, the same each time; `None` if there were [`NODES_MAX`] others.
    pub(crate) fn slot(&mut self, name: &Name) -> Option<Slot> {
        let at = self.names.iter().position(|known| known == name).or_else(|| {
            (self.names.len() < NODES_MAX).then(|| {
                self.names.push(name.clone());
                self.rows.push(Vec::new());
                self.names.len() - 1
            })
        })?;
        Some(Slot(at as u16))
    }

    /// Counts a batch.
    pub(crate) fn count(&mut self, from: Slot, to: Slot, messages: u16, bytes: usize) {
        let row = &mut self.rows[usize::from(from.0)];
        let to = usize::from(to.0);
        if row.len() <= to {
            row.resize(to + 1, Carried::default());
        }
        row[to].add(Carried { messages: messages.into(), bytes: bytes as u64 });
    }

    /// All that was passed on.
    pub(crate) fn total(&self) -> Carried {
        sum(self.rows.iter().flatten())
    }

    /// What came from a node and was passed on, and what was passed on to it.
    pub(crate) fn of(&self, name: &Name) -> (Carried, Carried) {
        let Some(at) = self.names.iter().position(|known| known == name) else {
            return Default::default();
        };
        (sum(&self.rows[at]), sum(self.rows.iter().filter_map(|row| row.get(at))))
    }

    /// Every pair of nodes that had something to say.
    pub(crate) fn pairs(&self) -> Vec<Flow> {
        let rows = self.names.iter().zip(&self.rows);
        let pairs = rows.flat_map(|(from, row)| {
            let some = row.iter().zip(&self.names).filter(|(carried, _)| carried.messages > 0);
            some.map(|(carried, to)| Flow {
                from: from.clone(),
                to: to.clone(),
                messages: carried.messages,
                bytes: carried.bytes,
            })
        });
        pairs.collect()
    }
}

fn sum<'a>(all: impl IntoIterator<Item = &'a Carried>) -> Carried {
    all.into_iter().fold(Carried::default(), |mut sum, &one| {
        sum.add(one);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_counted_by_pair_and_by_node() {
        let name = |text: &str| text.parse::<Name>().unwrap();
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
        let pair = Flow { from: name("a"), to: name("b"), messages: 3, bytes: 150 };
        assert_eq!(flows.pairs()[0], pair);
        assert_eq!(flows.pairs().len(), 2);
    }

    #[test]
    fn names_are_bounded() {
        let mut flows = Flows::default();
        for number in 0..NODES_MAX {
            assert!(flows.slot(&format!("n{number}").parse().unwrap()).is_some());
        }
        assert_eq!(flows.slot(&"one-more".parse().unwrap()), None);
        assert!(flows.slot(&"n0".parse().unwrap()).is_some());
    }
}
