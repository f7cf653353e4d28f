//! What each node had a part in, one band upon the other.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::VecDeque, ops::Range};

use eframe::egui::{Color32, Ui};
use egui_plot::FilledArea;
use trunkline_protocol::{Name, status::NodeStatus};

use super::{
    plot::{Canvas, head, legend, read_at},
    series::{GAP_MS, Points, SAMPLES_MAX, Unit},
};
use crate::{
    state::{Moment, NodeShare, NodeShares, SnapshotHistory},
    theme::{Tokens, tokens},
    view::{Showing, Wishes},
};

/// How many nodes have a band of their own; the others share one.
const NODES: usize = 4;

/// A chart of bands.
#[derive(Debug)]
pub(super) struct Bands {
    title: &'static str,
    explained: &'static str,
    unit: Unit,
    value: fn(&NodeShare) -> f64,
    /// How large a node is, to be one of those with a band of their own.
    size: fn(&NodeStatus) -> u64,
    made_of: Option<MadeOf>,
    /// When, in Unix milliseconds.
    times: VecDeque<u64>,
    /// From below: whose band it is, and its values, one for each of the times.
    bands: Vec<(String, VecDeque<f64>)>,
}

/// What bands were made of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MadeOf {
    revision: u64,
    moment: Moment,
    minutes: u64,
    /// The nodes with a band of their own.
    nodes: Vec<Name>,
}

impl Bands {
    /// Messages that the relay passed on from each node.
    pub(super) fn forwarded() -> Self {
        Self::of(
            "Forwarded / s, by node",
            "Messages a second that the relay passed on from each node, one upon the other: from \
             the nodes with the most, and from all others together.",
            Unit::Rate,
            |part| part.forwarded,
            |node| node.forwarded_from,
        )
    }

    /// The sessions of each node.
    pub(super) fn sessions() -> Self {
        Self::of(
            "Sessions, by node",
            "Sessions of each node, one upon the other: of the nodes with the most, and of all \
             others together.",
            Unit::Count,
            |part| part.sessions,
            |node| node.load.sessions.into(),
        )
    }

    fn of(
        title: &'static str,
        explained: &'static str,
        unit: Unit,
        value: fn(&NodeShare) -> f64,
        size: fn(&NodeStatus) -> u64,
    ) -> Self {
        let (times, bands) = (VecDeque::new(), Vec::new());
        Self { title, explained, unit, value, size, made_of: None, times, bands }
    }

    /// Brings the bands up to date. They cover the time of `points`.
    pub(super) fn update(&mut self, showing: &Showing<'_>, points: &Points, minutes: u64) {
        let history = showing.state.history();
        let (revision, moment) = (history.revision(), showing.state.moment());
        let nodes = &showing.picture.snapshot.nodes;
        let before = self.made_of.take();
        let is_new = before.as_ref().is_none_or(|before| {
            (before.revision, before.moment, before.minutes) != (revision, moment, minutes)
        });
        self.made_of = if is_new {
            let nodes = self.largest(nodes).into_iter().cloned().collect();
            let made_of = MadeOf { revision, moment, minutes, nodes };
            let last_ms = before.filter(|before| self.goes_on(before, &made_of));
            let last_ms = last_ms.and_then(|_| self.times.back().copied());
            self.fill(history, points.span_ms, last_ms, &made_of);
            Some(made_of)
        } else {
            before
        };
    }

    /// Whether what was made is still a part of what is to be made: what grew older is thinned out
    /// now and then.
    fn goes_on(&self, before: &MadeOf, now: &MadeOf) -> bool {
        let same = MadeOf { revision: before.revision, ..now.clone() } == *before;
        same && now.moment == Moment::Latest && self.times.len() < SAMPLES_MAX
    }

    /// Adds what came after `last_ms`, or makes everything anew. The values of all bands at one time
    /// are of one snapshot.
    fn fill(
        &mut self,
        history: &SnapshotHistory,
        (from_ms, to_ms): (u64, u64),
        last_ms: Option<u64>,
        made_of: &MadeOf,
    ) {
        if last_ms.is_none() {
            let names = made_of.nodes.iter().map(Name::to_string);
            self.bands = names.map(|name| (name, VecDeque::new())).collect();
            self.times.clear();
        }
        let is_new = |at_ms: u64| (from_ms..=to_ms).contains(&at_ms) && last_ms < Some(at_ms);
        for parts in
            history.node_shares(last_ms.unwrap_or(from_ms)).filter(|parts| is_new(parts.at_ms))
        {
            self.push(&parts, &made_of.nodes);
        }
        while self.times.front().is_some_and(|&at_ms| at_ms < from_ms) {
            self.times.pop_front();
            self.bands.iter_mut().for_each(|(_, values)| {
                values.pop_front();
            });
        }
    }

    fn push(&mut self, parts: &NodeShares<'_>, names: &[Name]) {
        self.times.push_back(parts.at_ms);
        self.bands.iter_mut().for_each(|(_, values)| values.push_back(0.0));
        for (name, part) in parts.nodes() {
            let value = (self.value)(&part);
            let place = names.iter().position(|own| own == name).unwrap_or(names.len());
            // What the others had is a band once there is anything.
            if place == self.bands.len() && value > 0.0 {
                self.bands.push(("others".into(), vec![0.0; self.times.len()].into()));
            }
            let band = self.bands.get_mut(place).and_then(|(_, values)| values.back_mut());
            band.into_iter().for_each(|sum| *sum += value);
        }
    }

    /// The nodes with the most, in the order of their names, so that they keep their places.
    fn largest<'a>(&self, nodes: &'a [NodeStatus]) -> Vec<&'a Name> {
        let mut places: Vec<_> = (0..nodes.len()).collect();
        places.sort_by_key(|&at| Reverse((self.size)(&nodes[at])));
        places.truncate(NODES);
        places.sort_unstable();
        places.into_iter().map(|at| &nodes[at].name).collect()
    }

    /// Draws them. Pressing on them goes back to that moment.
    pub(super) fn show(
        &self,
        ui: &mut Ui,
        seconds: (f64, f64),
        height: f32,
        showing: &Showing<'_>,
        wishes: &mut Wishes,
    ) {
        let canvas = Canvas { title: self.title, unit: self.unit, seconds, height };
        let tokens = tokens(ui);
        ui.vertical(|ui| {
            let read = read_at(ui, seconds, showing);
            let read =
                self.times.partition_point(|&at_ms| at_ms as f64 / 1e3 <= read).checked_sub(1);
            head(ui, (self.title, self.explained), |ui| {
                for (place, (name, values)) in self.bands.iter().enumerate() {
                    let value = read.map(|at| self.unit.format(values[at]));
                    legend(ui, "■", self.color(tokens, place), name, value);
                }
            });
            let (areas, highest) = self.areas(tokens);
            canvas.show(ui, highest, showing, wishes, |plot| {
                areas.into_iter().for_each(|area| plot.add(area));
            });
        });
    }

    /// The bands as they lie upon each other, and how high they reach.
    fn areas(&self, tokens: &Tokens) -> (Vec<FilledArea>, f64) {
        let times: Vec<_> = self.times.iter().map(|&at_ms| at_ms as f64 / 1e3).collect();
        let mut lower = vec![0.0; times.len()];
        let mut areas = Vec::new();
        for (place, (name, values)) in self.bands.iter().enumerate() {
            let upper: Vec<_> = lower.iter().zip(values).map(|(low, value)| low + value).collect();
            for piece in self.pieces() {
                let times = &times[piece.clone()];
                let area = FilledArea::new(name, times, &lower[piece.clone()], &upper[piece]);
                areas.push(area.fill_color(self.color(tokens, place)));
            }
            lower = upper;
        }
        (areas, lower.into_iter().fold(0.0, f64::max))
    }

    /// The times without a gap between them.
    fn pieces(&self) -> Vec<Range<usize>> {
        let is_gap = |at: &usize| self.times[*at] - self.times[at - 1] >= GAP_MS;
        let mut starts = vec![0];
        starts.extend((1..self.times.len()).filter(is_gap));
        let ends = starts.iter().skip(1).copied().chain([self.times.len()]);
        starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
    }

    /// The colour of a band: shades of one, since none means more than another.
    fn color(&self, tokens: &Tokens, place: usize) -> Color32 {
        const SHADES: [f32; NODES] = [0.95, 0.68, 0.46, 0.28];
        SHADES
            .get(place)
            .map_or(tokens.faint, |&shade| tokens.ground.lerp_to_gamma(tokens.accent, shade))
    }
}
