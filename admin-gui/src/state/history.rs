use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use trunkline_protocol::{
    Name,
    status::{LatencyHistogram, NodeStatus, Snapshot, TrafficFlow},
};

use super::{
    counters::{Counts, Rates},
    names::by_name,
    picture::Picture,
    reports::Reports,
};
use crate::defaults::{
    COARSE_STEP_MS, FINE_MS, HISTORY_BYTES_MAX, HISTORY_MS, LATENCY_WINDOW_MS, RATE_WINDOW_MS,
};

/// About what a node's strings and vectors take beside its own size.
const NODE_EXTRA_BYTES: usize = 400;

/// The snapshots of the last hour, the older ones thinned out.
#[derive(Debug, Default)]
pub struct History {
    kept: VecDeque<Kept>,
    /// How many of the oldest were thinned out already.
    coarse: usize,
    bytes: usize,
    /// Names that all snapshots share, so that each takes the memory of a pointer.
    names: HashSet<Name>,
    reports: Reports,
    revision: u64,
}

/// A snapshot, and how fast things were counted since the one kept before it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What the relay wrote.
    pub snapshot: Arc<Snapshot>,
    /// How fast the nodes and the relay counted together since the one before.
    pub rates: Rates,
    /// How long that took, in milliseconds; 0 for the very first.
    pub over_ms: u64,
    /// The times from accept to receipt that were reported since the one before.
    pub latency: LatencyHistogram,
}

impl Kept {
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.snapshot.nodes.len() * (size_of::<NodeStatus>() + NODE_EXTRA_BYTES)
            + self.snapshot.flows.len() * size_of::<TrafficFlow>()
    }
}

impl History {
    /// Remembers a snapshot. Returns false for one that is not newer than the latest, such as what
    /// a relay repeats of its own history after it was lost for a moment.
    pub fn push(&mut self, mut snapshot: Snapshot) -> bool {
        self.forget_future_of(&snapshot);
        let last = self.kept.back().map(|kept| kept.snapshot.clone());
        if last.as_ref().is_some_and(|last| snapshot.at_ms <= last.at_ms) {
            return false;
        }
        self.share_names(&mut snapshot);
        snapshot.nodes.sort_by(|a, b| by_name(&a.name, &b.name));
        let kept = keep(snapshot, last.as_deref(), &mut self.reports);
        self.bytes += kept.bytes();
        self.kept.push_back(kept);
        self.revision += 1;
        self.thin();
        self.forget_oldest();
        true
    }

    /// A relay that was started anew on a machine whose clock is behind begins before our latest.
    fn forget_future_of(&mut self, snapshot: &Snapshot) {
        while self.kept.back().is_some_and(|kept| {
            kept.snapshot.at_ms >= snapshot.at_ms
                && kept.snapshot.relay.started_at_ms < snapshot.relay.started_at_ms
        }) {
            self.bytes -= self.kept.pop_back().map_or(0, |kept| kept.bytes());
            self.coarse = self.coarse.min(self.kept.len());
            self.reports.clear();
        }
    }

    fn share_names(&mut self, snapshot: &mut Snapshot) {
        let nodes = snapshot.nodes.iter_mut().map(|node| &mut node.name);
        let flows = snapshot.flows.iter_mut().flat_map(|flow| [&mut flow.from, &mut flow.to]);
        for name in nodes.chain(flows) {
            match self.names.get(name) {
                Some(shared) => *name = shared.clone(),
                None => drop(self.names.insert(name.clone())),
            }
        }
    }

    fn thin(&mut self) {
        let Some(fine_from_ms) = self.latest_ms().map(|ms| ms.saturating_sub(FINE_MS)) else {
            return;
        };
        while self.coarse + 1 < self.kept.len() && self.at_ms(self.coarse) < fine_from_ms {
            let at = self.coarse;
            if at > 0 && self.at_ms(at + 1) - self.at_ms(at - 1) <= COARSE_STEP_MS {
                self.fold_into_next(at);
            } else {
                self.coarse += 1;
            }
        }
    }

    fn fold_into_next(&mut self, at: usize) {
        let gone = self.kept.remove(at).expect("the caller has looked");
        self.bytes -= gone.bytes();
        let next = &mut self.kept[at];
        let over_ms = (next.over_ms + gone.over_ms) as f64;
        next.rates = next.rates.clone().scaled(next.over_ms as f64 / over_ms);
        next.rates += &gone.rates.scaled(gone.over_ms as f64 / over_ms);
        next.over_ms += gone.over_ms;
        next.latency.merge(&gone.latency);
    }

    fn forget_oldest(&mut self) {
        let from_ms = self.latest_ms().unwrap_or(0).saturating_sub(HISTORY_MS);
        while self.kept.len() > 1 && (self.bytes > HISTORY_BYTES_MAX || self.at_ms(0) < from_ms) {
            self.bytes -= self.kept.pop_front().map_or(0, |kept| kept.bytes());
            self.coarse = self.coarse.saturating_sub(1);
        }
    }

    fn at_ms(&self, at: usize) -> u64 {
        self.kept[at].snapshot.at_ms
    }

    /// How many snapshots are remembered.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The remembered snapshots, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Kept> + ExactSizeIterator {
        self.kept.iter()
    }

    /// Grows with each snapshot: what was made of the history is out of date when it has.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// When the oldest remembered snapshot was taken.
    pub fn earliest_ms(&self) -> Option<u64> {
        self.kept.front().map(|kept| kept.snapshot.at_ms)
    }

    /// When the latest snapshot was taken.
    pub fn latest_ms(&self) -> Option<u64> {
        self.kept.back().map(|kept| kept.snapshot.at_ms)
    }

    /// The place of the last snapshot that was taken at or before a moment, else of the first.
    pub fn at(&self, at_ms: u64) -> Option<usize> {
        let after = self.kept.partition_point(|kept| kept.snapshot.at_ms <= at_ms);
        (!self.kept.is_empty()).then(|| after.saturating_sub(1))
    }

    /// The picture at the snapshot in place `at`.
    ///
    /// # Panics
    /// If there is none.
    pub fn picture(&self, at: usize) -> Picture {
        let now = self.kept[at].snapshot.clone();
        let before = self.rates_from(at);
        let mut latency = LatencyHistogram::default();
        for kept in self.kept.range(..=at).rev() {
            if kept.snapshot.at_ms + LATENCY_WINDOW_MS <= now.at_ms {
                break;
            }
            latency.merge(&kept.latency);
        }
        Picture::between(&self.kept[before].snapshot, now, latency)
    }

    /// The place of the snapshot that the rates at another are taken from.
    pub(super) fn rates_from(&self, at: usize) -> usize {
        let from_ms = self.at_ms(at).saturating_sub(RATE_WINDOW_MS);
        self.at(from_ms).unwrap_or(0).min(at.saturating_sub(1))
    }

    pub(super) fn kept(&self, at: usize) -> &Kept {
        &self.kept[at]
    }
}

fn keep(snapshot: Snapshot, before: Option<&Snapshot>, reports: &mut Reports) -> Kept {
    let mut kept = Kept {
        rates: Rates::default(),
        over_ms: before.map_or(0, |before| snapshot.at_ms - before.at_ms),
        latency: LatencyHistogram::default(),
        snapshot: Arc::new(snapshot),
    };
    let now = &kept.snapshot;
    let told: Vec<_> = now.nodes.iter().map(|node| reports.rates(node, now.at_ms)).collect();
    let Some(before) = before else { return kept };
    let mut counted = Counts::of_relay(&now.relay).since(&Counts::of_relay(&before.relay));
    for (node, told) in now.nodes.iter().zip(told) {
        kept.rates += &told;
        let Some(known) = before.nodes.iter().find(|known| known.name == node.name) else {
            continue;
        };
        counted += &Counts::about_node(node).since(&Counts::about_node(known));
        // A report that was there before already has been merged.
        if node.load != known.load {
            kept.latency.merge(&node.load.latency);
        }
    }
    kept.rates += &counted.per_second(kept.over_ms);
    kept
}
