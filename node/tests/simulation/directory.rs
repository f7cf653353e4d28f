//! A directory that is updated late.

use smallvec::SmallVec;
use trunkline_protocol::Incarnation;

/// A directory answer.
pub(crate) type Locations = SmallVec<[Incarnation; 4]>;

/// A user's entry at one node.
#[derive(Clone, Copy, Debug)]
struct Entry {
    node: usize,
    incarnation: Incarnation,
    since_ms: u64,
}

/// Which user is on which nodes, and the updates that are outstanding.
#[derive(Debug)]
pub(crate) struct SimulatedDirectory {
    entries: Vec<SmallVec<[Entry; 4]>>,
    /// The nodes and users whose entry has yet to be updated.
    pub(crate) stale: Vec<(usize, usize)>,
    /// Incarnations that have yet to be purged.
    pub(crate) purges: Vec<Incarnation>,
}

impl SimulatedDirectory {
    pub(crate) fn new(users: usize) -> Self {
        Self { entries: vec![SmallVec::new(); users], stale: Vec::new(), purges: Vec::new() }
    }

    pub(crate) fn look_up(&self, user: usize) -> Locations {
        self.entries[user].iter().map(|entry| entry.incarnation).collect()
    }

    /// Since when there is an entry of the user at `node`, in that incarnation.
    pub(crate) fn since(&self, user: usize, node: usize, incarnation: Incarnation) -> Option<u64> {
        let fits = |entry: &&Entry| entry.node == node && entry.incarnation == incarnation;
        self.entries[user].iter().find(fits).map(|entry| entry.since_ms)
    }

    /// Marks a node's entry of a user as stale, and returns its index in `stale`.
    pub(crate) fn will_change(&mut self, node: usize, user: usize) -> usize {
        let marked = self.stale.iter().position(|&stale| stale == (node, user));
        marked.unwrap_or_else(|| {
            self.stale.push((node, user));
            self.stale.len() - 1
        })
    }

    /// A node updates its entry: `has` is the incarnation in which it has the user, if it does.
    pub(crate) fn update(
        &mut self,
        node: usize,
        user: usize,
        has: Option<Incarnation>,
        now_ms: u64,
    ) {
        let entries = &mut self.entries[user];
        let is_current = |entry: &Entry| entry.node == node && Some(entry.incarnation) == has;
        if entries.iter().any(is_current) {
            return;
        }
        entries.retain(|entry| entry.node != node);
        if let Some(incarnation) = has {
            entries.push(Entry { node, incarnation, since_ms: now_ms });
        }
    }

    pub(crate) fn purge(&mut self, incarnation: Incarnation) {
        for entries in &mut self.entries {
            entries.retain(|entry| entry.incarnation != incarnation);
        }
    }

    pub(crate) fn empty(&mut self) {
        self.entries.iter_mut().for_each(SmallVec::clear);
    }
}
