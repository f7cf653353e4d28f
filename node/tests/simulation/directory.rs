//! A directory that learns late.

use smallvec::SmallVec;
use trunkline_protocol::Incarnation;

/// A directory answer.
pub(crate) type Places = SmallVec<[Incarnation; 4]>;

/// A user's entry at one node.
#[derive(Clone, Copy, Debug)]
struct Entry {
    node: usize,
    incarnation: Incarnation,
    since_ms: u64,
}

/// Which user is on which nodes, and what has yet to be said about that.
#[derive(Debug)]
pub(crate) struct Directory {
    entries: Vec<SmallVec<[Entry; 4]>>,
    /// Nodes that have yet to bring their entry of a user up to date.
    pub(crate) stale: Vec<(usize, usize)>,
    /// Incarnations that have yet to be purged.
    pub(crate) purges: Vec<Incarnation>,
}

impl Directory {
    pub(crate) fn new(users: usize) -> Self {
        Self { entries: vec![SmallVec::new(); users], stale: Vec::new(), purges: Vec::new() }
    }

    pub(crate) fn look_up(&self, user: usize) -> Places {
        self.entries[user].iter().map(|entry| entry.incarnation).collect()
    }

    /// Since when the user has stood there as being on `node`, in that incarnation.
    pub(crate) fn since(&self, user: usize, node: usize, incarnation: Incarnation) -> Option<u64> {
        let fits = |entry: &&Entry| entry.node == node && entry.incarnation == incarnation;
        self.entries[user].iter().find(fits).map(|entry| entry.since_ms)
    }

    /// Notes that a node's entry of a user is stale, and returns its place among those that are.
    pub(crate) fn will_change(&mut self, node: usize, user: usize) -> usize {
        let known = self.stale.iter().position(|&stale| stale == (node, user));
        known.unwrap_or_else(|| {
            self.stale.push((node, user));
            self.stale.len() - 1
        })
    }

    /// A node says in which incarnation it has the user, if it does.
    pub(crate) fn say(&mut self, node: usize, user: usize, has: Option<Incarnation>, now_ms: u64) {
        let entries = &mut self.entries[user];
        let stands = |entry: &Entry| entry.node == node && Some(entry.incarnation) == has;
        if entries.iter().any(stands) {
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

    pub(crate) fn wipe(&mut self) {
        self.entries.iter_mut().for_each(SmallVec::clear);
    }
}
