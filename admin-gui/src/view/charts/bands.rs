//! What each node had a part in, one band upon the other.

use std::{cmp::Reverse, collections::HashMap, ops::Range};

use eframe::egui::{Color32, Ui};
use egui_plot::FilledArea;
use trunkline_protocol::{Name, status::NodeStatus};

use super::{
    plot::{Canvas, head, legend, read_at},
    series::{GAP_MS, Points, Unit},
};
use crate::{
    state::{Counter, Moment, Sample},
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
    value: fn(&Sample) -> f64,
    /// How large a node is, to be one of those with a band of their own.
    size: fn(&NodeStatus) -> u64,
    made_of: Option<(u64, Moment, u64)>,
    /// What the bands of single nodes are made of.
    nodes: HashMap<Name, Points>,
    /// When, in seconds.
    times: Vec<f64>,
    /// From below: whose band it is, and its values.
    bands: Vec<(String, Vec<f64>)>,
}

impl Bands {
    /// Messages that the relay passed on from each node.
    pub(super) fn forwarded() -> Self {
        Self::of(
            "Forwarded / s, by node",
            "Messages a second that the relay passed on from each node, one upon the other: from \
             the nodes with the most, and from all others together.",
            Unit::Rate,
            |sample| sample.rates[Counter::ForwardedFrom],
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
            |sample| sample.sessions as f64,
            |node| node.load.sessions.into(),
        )
    }

    fn of(
        title: &'static str,
        explained: &'static str,
        unit: Unit,
        value: fn(&Sample) -> f64,
        size: fn(&NodeStatus) -> u64,
    ) -> Self {
        let (times, bands) = (Vec::new(), Vec::new());
        Self {
            title,
            explained,
            unit,
            value,
            size,
            made_of: None,
            nodes: HashMap::new(),
            times,
            bands,
        }
    }

    /// Brings the bands up to date. `points` are those of the whole cluster.
    pub(super) fn update(&mut self, showing: &Showing<'_>, points: &Points, minutes: u64) {
        let history = showing.state.history();
        let made_of = (history.revision(), showing.state.moment(), minutes);
        if self.made_of == Some(made_of) {
            return;
        }
        self.made_of = Some(made_of);
        let all = points.samples();
        self.times = all.iter().map(|sample| sample.at_ms as f64 / 1e3).collect();
        let mut left: Vec<_> = all.iter().map(self.value).collect();
        self.bands.clear();
        let largest = self.largest(&showing.picture.snapshot.nodes);
        self.nodes.retain(|name, _| largest.contains(&name));
        for name in largest {
            let node = self.nodes.entry(name.clone()).or_default();
            node.update(showing.state, Some(name), minutes);
            let known = node.samples().iter().map(|sample| (sample.at_ms, (self.value)(sample)));
            let known: HashMap<_, _> = known.collect();
            let value = |sample: &Sample| known.get(&sample.at_ms).copied().unwrap_or(0.0);
            let values: Vec<_> = all.iter().map(value).collect();
            left.iter_mut().zip(&values).for_each(|(left, value)| *left = (*left - value).max(0.0));
            self.bands.push((name.to_string(), values));
        }
        if showing.picture.snapshot.nodes.len() > NODES {
            self.bands.push(("others".into(), left));
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
            let read = self.times.partition_point(|&at| at <= read).checked_sub(1);
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
        let mut lower = vec![0.0; self.times.len()];
        let mut areas = Vec::new();
        for (place, (name, values)) in self.bands.iter().enumerate() {
            let upper: Vec<_> = lower.iter().zip(values).map(|(low, value)| low + value).collect();
            for piece in self.pieces() {
                let times = &self.times[piece.clone()];
                let area = FilledArea::new(name, times, &lower[piece.clone()], &upper[piece]);
                areas.push(area.fill_color(self.color(tokens, place)));
            }
            lower = upper;
        }
        (areas, lower.into_iter().fold(0.0, f64::max))
    }

    /// The times without a gap between them.
    fn pieces(&self) -> Vec<Range<usize>> {
        let gap = GAP_MS as f64 / 1e3;
        let mut starts = vec![0];
        starts
            .extend((1..self.times.len()).filter(|&at| self.times[at] - self.times[at - 1] >= gap));
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
