use egui_plot::PlotPoint;
use trunkline_protocol::Name;

use super::definitions::ChartLine;
use crate::state::{Moment, Sample, SnapshotHistory, WindowState};

/// Between two samples further apart than this, no line is drawn: the values are not known.
pub(super) const GAP_MS: u64 = 20_000;

/// The number of samples from which on all are read again: the history has thinned its older
/// snapshots since.
pub(super) const SAMPLES_MAX: usize = 2_000;

/// What the samples were read for. While only the revision changes, new samples are appended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PointsKey {
    revision: u64,
    moment: Moment,
    node: Option<Name>,
    minutes: u64,
}

/// The samples that charts are drawn from.
#[derive(Debug, Default)]
pub(super) struct Points {
    key: Option<PointsKey>,
    samples: Vec<Sample>,
    /// The first and the last time that are shown, in Unix milliseconds.
    pub(super) span_ms: (u64, u64),
    /// The same in seconds.
    pub(super) seconds: (f64, f64),
}

impl Points {
    /// Reads the samples of the cluster, or of one node, that are not read yet.
    pub(super) fn update(&mut self, state: &WindowState, node: Option<&Name>, minutes: u64) {
        let history = state.history();
        let (revision, moment) = (history.revision(), state.moment());
        let key = PointsKey { revision, moment, node: node.cloned(), minutes };
        if self.key.as_ref() == Some(&key) {
            return;
        }
        let to_ms = end_ms(state, minutes * 60_000);
        let from_ms = to_ms.saturating_sub(minutes * 60_000);
        self.read(history, &key, from_ms);
        self.samples.retain(|sample| (from_ms..=to_ms).contains(&sample.at_ms));
        self.span_ms = (from_ms, to_ms);
        self.seconds = (from_ms as f64 / 1e3, to_ms as f64 / 1e3);
        self.key = Some(key);
    }

    /// Appends new samples, or reads all again if something else is to be shown.
    fn read(&mut self, history: &SnapshotHistory, key: &PointsKey, from_ms: u64) {
        let is_continued = self.key.as_ref().is_some_and(|before| {
            before.moment == Moment::Latest
                && PointsKey { revision: before.revision, ..key.clone() } == *before
                && self.samples.len() < SAMPLES_MAX
        });
        if !is_continued {
            self.samples.clear();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_at_zero_is_not_drawn() {
        let parts = |values: &[f64]| -> Vec<Vec<f64>> {
            let piece: Vec<_> =
                values.iter().zip(0..).map(|(&y, at)| PlotPoint::new(f64::from(at), y)).collect();
            above_zero(&piece).iter().map(|part| part.iter().map(|at| at.y).collect()).collect()
        };
        assert!(parts(&[0.0, 0.0, 0.0]).is_empty());
        assert_eq!(parts(&[3.0, 4.0]), [[3.0, 4.0]]);
        assert_eq!(parts(&[0.0, 0.0, 3.0, 0.0, 0.0]), [[0.0, 3.0, 0.0]]);
        assert_eq!(parts(&[2.0, 0.0, 0.0, 0.0, 5.0]), [[2.0, 0.0], [0.0, 5.0]]);
        assert_eq!(parts(&[2.0, 0.0, 3.0]), [[2.0, 0.0, 3.0]]);
    }
}
