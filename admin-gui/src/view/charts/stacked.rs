//! Charts in which each node has an area, stacked on one another.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::VecDeque, ops::Range};

use eframe::egui::{Color32, Ui};
use egui_plot::FilledArea;
use trunkline_protocol::{Name, status::NodeStatus};

use super::{
    axes::{ChartAxes, head, legend, read_at},
    points::{GAP_MS, Points, SAMPLES_MAX},
    scale::ValueScale,
    summary::{LineSummary, summary},
    unit::ChartUnit,
};
use crate::{
    state::{Lineage, NodeShare, NodeShares, SnapshotHistory},
    theme::{Tokens, tokens},
    view::ViewContext,
};

/// The number of nodes with an area of their own. The others share one.
const NODES: usize = 4;

/// A chart of stacked areas, and its values.
#[derive(Debug)]
pub(super) struct StackedChart {
    title: &'static str,
    explained: &'static str,
    unit: ChartUnit,
    value: fn(&NodeShare) -> f64,
    /// The size of a node: the largest ones have an area of their own.
    size: fn(&NodeStatus) -> u64,
    key: Option<StackKey>,
    /// The history's revision up to which the values are complete, and the span they are of.
    read: (u64, (u64, u64)),
    /// The times of the values, in Unix milliseconds.
    times: VecDeque<u64>,
    /// The areas, from the lowest: the name, and a value for each of the times.
    areas: Vec<(String, VecDeque<f64>)>,
}

/// What the values were read from, and for. While none of it changes, values are only appended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StackKey {
    lineage: Lineage,
    minutes: u64,
    /// The nodes with an area of their own.
    nodes: Vec<Name>,
}

impl StackedChart {
    /// Messages that the relay forwarded, by the node that sent them.
    pub(super) fn forwarded() -> Self {
        Self {
            title: "Forwarded / s, by node",
            explained: "Messages per second that the relay forwarded, by the node that sent them. \
                        The nodes with the most have an area each; all others share one.",
            unit: ChartUnit::Rate,
            value: |share| share.forwarded,
            size: |node| node.forwarded_from,
            key: None,
            read: (0, (0, 0)),
            times: VecDeque::new(),
            areas: Vec::new(),
        }
    }

    /// Sessions by node.
    pub(super) fn sessions() -> Self {
        Self {
            title: "Sessions, by node",
            explained: "Sessions by node. The nodes with the most have an area each; all others \
                        share one.",
            unit: ChartUnit::Count,
            value: |share| share.sessions,
            size: |node| node.load.sessions.into(),
            ..Self::forwarded()
        }
    }

    /// Reads the values over the time of `points` that are not read yet.
    pub(super) fn update(&mut self, ctx: &ViewContext<'_>, points: &Points, minutes: u64) {
        let history = ctx.state.history();
        let (lineage, read) = (history.lineage(), (history.revision(), points.span_ms));
        let is_same = |key: &StackKey| (key.lineage, key.minutes) == (lineage, minutes);
        if self.read == read && self.key.as_ref().is_some_and(is_same) {
            return;
        }
        let key = StackKey { lineage, minutes, nodes: self.largest(&ctx.status.snapshot.nodes) };
        // All are read again now and then: the history has thinned its older snapshots since.
        let is_continued = self.key.as_ref() == Some(&key)
            && self.read.1.0 <= points.span_ms.0
            && self.times.len() < SAMPLES_MAX;
        if !is_continued {
            self.areas = key.nodes.iter().map(|name| (name.to_string(), VecDeque::new())).collect();
            self.times.clear();
        }
        self.read_values(history, points.span_ms, &key.nodes);
        self.read = read;
        self.key = Some(key);
    }

    /// Appends new values, and drops those outside the span. All values of one time are of one
    /// snapshot: otherwise their sum would be of none.
    fn read_values(
        &mut self,
        history: &SnapshotHistory,
        (from_ms, to_ms): (u64, u64),
        names: &[Name],
    ) {
        let last_ms = self.times.back().copied();
        let is_new = |at_ms: u64| (from_ms..=to_ms).contains(&at_ms) && last_ms < Some(at_ms);
        for parts in
            history.node_shares(last_ms.unwrap_or(from_ms)).filter(|parts| is_new(parts.at_ms))
        {
            self.push(&parts, names);
        }
        while self.times.front().is_some_and(|&at_ms| at_ms < from_ms) {
            self.times.pop_front();
            for (_, values) in &mut self.areas {
                values.pop_front();
            }
        }
        let within = self.times.partition_point(|&at_ms| at_ms <= to_ms);
        self.times.truncate(within);
        self.areas.iter_mut().for_each(|(_, values)| values.truncate(within));
    }

    fn push(&mut self, parts: &NodeShares<'_>, names: &[Name]) {
        self.times.push_back(parts.at_ms);
        self.areas.iter_mut().for_each(|(_, values)| values.push_back(0.0));
        for (name, part) in parts.nodes() {
            let value = (self.value)(&part);
            let at = names.iter().position(|own| own == name).unwrap_or(names.len());
            // The area of the other nodes is added with their first value.
            if at == self.areas.len() && value > 0.0 {
                self.areas.push(("others".into(), vec![0.0; self.times.len()].into()));
            }
            if let Some(sum) = self.areas.get_mut(at).and_then(|(_, values)| values.back_mut()) {
                *sum += value;
            }
        }
    }

    /// The names of the largest nodes. They are in the order of the snapshot, so that areas do not
    /// change places when sizes do.
    fn largest(&self, nodes: &[NodeStatus]) -> Vec<Name> {
        let mut places: Vec<_> = (0..nodes.len()).collect();
        places.sort_by_key(|&at| Reverse((self.size)(&nodes[at])));
        places.truncate(NODES);
        places.sort_unstable();
        places.into_iter().map(|at| nodes[at].name.clone()).collect()
    }

    /// Draws the chart. A click shows the moment under the pointer.
    pub(super) fn show(&self, ui: &mut Ui, points: &Points, height: f32, ctx: &ViewContext<'_>) {
        let seconds = points.seconds;
        let tokens = tokens(ui);
        ui.vertical(|ui| {
            let read_at = read_at(ui, seconds, ctx);
            let is_before = |&at_ms: &u64| at_ms as f64 / 1e3 <= read_at;
            let at = self.times.partition_point(is_before).checked_sub(1);
            let beyond = head(ui, (self.title, self.explained), |ui| {
                for (place, (name, values)) in self.areas.iter().enumerate() {
                    let value = at.map(|at| self.unit.format(values[at]));
                    legend(ui, "■", self.color(tokens, place), name, value);
                }
            });
            let (areas, highest) = self.stack(tokens);
            let height = height - beyond;
            let scale = ValueScale::of(self.unit, [highest].into_iter());
            let axes =
                ChartAxes { title: self.title, scale, seconds, height, marks: &points.marks };
            let in_words = || {
                let lines = self.areas.iter().map(|(name, values)| {
                    LineSummary::of(name, at.map(|at| values[at]), values.iter().copied())
                });
                summary(self.title, seconds, self.unit, lines)
            };
            axes.show(ui, in_words, ctx, |plot| {
                areas.into_iter().for_each(|area| plot.add(area));
            });
        });
    }

    /// The areas on top of one another, and the height of the highest.
    fn stack(&self, tokens: &Tokens) -> (Vec<FilledArea>, f64) {
        let times: Vec<_> = self.times.iter().map(|&at_ms| at_ms as f64 / 1e3).collect();
        let mut lower = vec![0.0; times.len()];
        let mut areas = Vec::new();
        for (place, (name, values)) in self.areas.iter().enumerate() {
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

    /// The ranges of times that have no gap.
    fn pieces(&self) -> Vec<Range<usize>> {
        let is_gap = |at: &usize| self.times[*at] - self.times[at - 1] >= GAP_MS;
        let mut starts = vec![0];
        starts.extend((1..self.times.len()).filter(is_gap));
        let ends = starts.iter().skip(1).copied().chain([self.times.len()]);
        starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
    }

    /// The colour of an area: shades of one colour, because none has a meaning.
    fn color(&self, tokens: &Tokens, place: usize) -> Color32 {
        const SHADES: [f32; NODES] = [0.95, 0.68, 0.46, 0.28];
        SHADES
            .get(place)
            .map_or(tokens.faint, |&shade| tokens.ground.lerp_to_gamma(tokens.series[0], shade))
    }
}
