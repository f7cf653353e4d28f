#[cfg(test)]
mod tests;

use egui_plot::PlotPoint;
use trunkline_protocol::Name;

use super::definitions::ChartLine;
use crate::state::{Lineage, Moment, Sample, SnapshotHistory, WindowState};
use crate::view::event_marks::{EventMark, event_marks};

/// Between two samples further apart than this, no line is drawn: the values are not known.
pub(super) const GAP_MS: u64 = 20_000;

/// The number of samples from which on all are read again: the history has thinned its older
/// snapshots since.
pub(super) const SAMPLES_MAX: usize = 2_000;

/// The number of marks for events that fit side by side on a chart.
const MARKS_MAX: u64 = 100;

/// What the samples were read from, and for. While none of it changes, samples are only appended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PointsKey {
    lineage: Lineage,
    node: Option<Name>,
    minutes: u64,
}

/// The samples that charts are drawn from.
#[derive(Debug, Default)]
pub(super) struct Points {
    key: Option<PointsKey>,
    /// The history's revision up to which the samples are complete.
    revision: u64,
    samples: Vec<Sample>,
    /// The first and the last time that are shown, in Unix milliseconds.
    pub(super) span_ms: (u64, u64),
    /// The same in seconds.
    pub(super) seconds: (f64, f64),
    /// The events of that time.
    pub(super) marks: Vec<EventMark>,
}

impl Points {
    /// Reads the samples of the cluster, or of one node, that are not read yet.
    pub(super) fn update(&mut self, state: &WindowState, node: Option<&Name>, minutes: u64) {
        let history = state.history();
        let key = PointsKey { lineage: history.lineage(), node: node.cloned(), minutes };
        let to_ms = end_ms(state, minutes * 60_000);
        let span_ms = (to_ms.saturating_sub(minutes * 60_000), to_ms);
        // The log holds at most some thousand events, of which few are in a span.
        self.marks = event_marks(&state.events, span_ms, (minutes * 60_000 / MARKS_MAX).max(1));
        let is_continued = self.key.as_ref() == Some(&key) && self.span_ms.0 <= span_ms.0;
        if is_continued && (self.revision, self.span_ms) == (history.revision(), span_ms) {
            return;
        }
        if !is_continued || self.samples.len() >= SAMPLES_MAX {
            self.samples.clear();
        }
        self.read(history, &key, span_ms.0);
        self.samples.retain(|sample| (span_ms.0..=span_ms.1).contains(&sample.at_ms));
        self.span_ms = span_ms;
        self.seconds = (span_ms.0 as f64 / 1e3, span_ms.1 as f64 / 1e3);
        self.revision = history.revision();
        self.key = Some(key);
    }

    /// Appends the samples after the last one.
    fn read(&mut self, history: &SnapshotHistory, key: &PointsKey, from_ms: u64) {
        let last_ms = self.samples.last().map(|last| last.at_ms);
        let since_ms = last_ms.unwrap_or(from_ms);
        let samples = match &key.node {
            Some(name) => history.samples_of(name, since_ms),
            None => history.samples(since_ms),
        };
        self.samples.extend(samples.into_iter().filter(|sample| last_ms < Some(sample.at_ms)));
    }

    /// A line in pieces, without its gaps, and without what lies at zero. Of the samples in each
    /// `step_ms` it has the highest, so that no peak is lost.
    pub(super) fn pieces(&self, line: &ChartLine, step_ms: u64) -> Vec<Vec<PlotPoint>> {
        let mut pieces: Vec<Vec<PlotPoint>> = Vec::new();
        let mut last_ms = None;
        for sample in &self.samples {
            let Some(value) = (line.value)(sample) else { continue };
            let point = PlotPoint::new(sample.at_ms as f64 / 1e3, value);
            let is_continued = last_ms.is_some_and(|last| sample.at_ms - last < GAP_MS);
            let is_same_step = last_ms.is_some_and(|last| last / step_ms == sample.at_ms / step_ms);
            match pieces.last_mut().filter(|_| is_continued) {
                Some(piece) => match piece.last_mut().filter(|_| is_same_step) {
                    Some(last) => last.y = last.y.max(value),
                    None => piece.push(point),
                },
                None => pieces.push(vec![point]),
            }
            last_ms = Some(sample.at_ms);
        }
        pieces.iter().flat_map(|piece| above_zero(piece)).collect()
    }

    /// The values of a line, in the order of their times.
    pub(super) fn values(&self, line: &ChartLine) -> impl Iterator<Item = f64> {
        self.samples.iter().filter_map(line.value)
    }

    /// The value of a line at a time, from the latest sample before it.
    pub(super) fn value(&self, line: &ChartLine, at_seconds: f64) -> Option<f64> {
        let at_ms = (at_seconds * 1e3) as u64;
        let after = self.samples.partition_point(|sample| sample.at_ms <= at_ms);
        (line.value)(self.samples.get(after.checked_sub(1)?)?)
    }
}

/// The parts of a line above zero, each with the zeros on its two sides. A line along the bottom of a
/// chart would look like a value.
fn above_zero(piece: &[PlotPoint]) -> Vec<Vec<PlotPoint>> {
    let is_zero = |at: usize| piece.get(at).is_none_or(|point| point.y <= 0.0);
    let mut parts: Vec<Vec<PlotPoint>> = Vec::new();
    let mut is_open = false;
    for (at, &point) in piece.iter().enumerate() {
        let is_edge = (at > 0 && !is_zero(at - 1)) || !is_zero(at + 1);
        if is_zero(at) && !is_edge {
            is_open = false;
            continue;
        }
        match parts.last_mut().filter(|_| is_open) {
            Some(part) => part.push(point),
            None => parts.push(vec![point]),
        }
        is_open = true;
    }
    parts
}

/// The last time that is shown: the latest, or later than the shown moment, so that its future is
/// seen too.
fn end_ms(state: &WindowState, span_ms: u64) -> u64 {
    let latest_ms = state.history().latest_ms().unwrap_or(0);
    match state.moment() {
        Moment::At(at_ms) if at_ms + span_ms < latest_ms => {
            let earliest_ms = state.history().earliest_ms().unwrap_or(0);
            (at_ms + span_ms / 3).max((earliest_ms + span_ms).min(latest_ms))
        }
        _ => latest_ms,
    }
}
