use trunkline_protocol::{
    Name,
    status::{NodeLoad, NodeStatus, Snapshot},
};

use super::{history::History, picture::is_present};

/// What one node had a part in at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// Messages a second that the relay passed on from it.
    pub forwarded: f64,
    /// Sessions that are logged in.
    pub sessions: f64,
}

/// The parts of all nodes at one moment. All are taken from the same two snapshots, so that they
/// add up.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    before: &'a Snapshot,
    now: &'a Snapshot,
}

impl Parts<'_> {
    /// Each node with its part, in the order of the names.
    pub fn nodes(&self) -> impl Iterator<Item = (&Name, Part)> {
        let over_ms = self.now.at_ms.saturating_sub(self.before.at_ms);
        // A relay that was started anew counts from zero, whatever it has counted up to since.
        let goes_on = self.before.relay.started_at_ms == self.now.relay.started_at_ms;
        self.now.nodes.iter().enumerate().map(move |(place, node)| {
            let Some(known) = known(self.before, place, node) else {
                return (&node.name, Part { forwarded: 0.0, sessions: sessions(node, None) });
            };
            let before = if goes_on { known.forwarded_from } else { 0 };
            let grown = node.forwarded_from.checked_sub(before).unwrap_or(node.forwarded_from);
            let forwarded = grown as f64 * 1e3 / over_ms.max(1) as f64;
            (&node.name, Part { forwarded, sessions: sessions(node, Some(known)) })
        })
    }
}

/// The same node in another snapshot: nearly always in the same place of it.
fn known<'a>(before: &'a Snapshot, place: usize, node: &NodeStatus) -> Option<&'a NodeStatus> {
    let same = |known: &&NodeStatus| known.name == node.name;
    before.nodes.get(place).filter(same).or_else(|| before.nodes.iter().find(same))
}

fn sessions(node: &NodeStatus, known: Option<&NodeStatus>) -> f64 {
    let load = told(node, known);
    if is_present(node.state) { load.sessions.into() } else { 0.0 }
}

/// What a node has told of itself: as it was known before, as long as a relay that was just
/// started has been told nothing yet.
pub(super) fn told<'a>(node: &'a NodeStatus, known: Option<&'a NodeStatus>) -> &'a NodeLoad {
    let untold = node.load == NodeLoad::default();
    known
        .filter(|known| untold && known.incarnation == node.incarnation)
        .map_or(&node.load, |known| &known.load)
}

impl History {
    /// What each node had a part in since a moment.
    pub fn parts(&self, from_ms: u64) -> impl Iterator<Item = Parts<'_>> {
        self.places(from_ms).map(|at| {
            let (before, now) = (self.kept(self.rates_from(at)), self.kept(at));
            let (before, now) = (&*before.snapshot, &*now.snapshot);
            Parts { at_ms: now.at_ms, before, now }
        })
    }
}
