use eframe::egui::Color32;
use egui_plot::PlotPoint;
use trunkline_protocol::Name;

use crate::{
    format::{bytes, count, micros, percent, rate},
    state::{Counter, Moment, Sample, SnapshotHistory, WindowState},
    theme::Tokens,
};

/// Between two samples further apart than this, nothing is known and no line is drawn.
pub(super) const GAP_MS: u64 = 20_000;

/// From how many samples on they are made anew: fewer snapshots may be remembered by then.
pub(super) const SAMPLES_MAX: usize = 2_000;

/// A chart: what it is about, and its lines.
pub(super) struct Chart {
    /// What stands above it.
    pub(super) title: &'static str,
    /// What it tells.
    pub(super) explained: &'static str,
    /// What its values are.
    pub(super) unit: Unit,
    /// The lines, at most four.
    pub(super) lines: &'static [Line],
}

/// What the values of a chart are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    /// How often a second.
    Rate,
    /// How many.
    Count,
    /// Microseconds.
    Micros,
    /// A share of one.
    Share,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// How a value reads.
    pub(super) fn format(self, value: f64) -> String {
        match self {
            Self::Rate => rate(value),
            Self::Count => count(value as u64),
            Self::Micros => micros(value as u64),
            Self::Share => percent(value),
            Self::Bytes => bytes(value as u64),
        }
    }

    /// What a chart of nothing but zeros reaches up to.
    pub(super) fn least(self) -> f64 {
        match self {
            Self::Rate | Self::Count => 1.0,
            Self::Micros => 100.0,
            Self::Share => 0.01,
            Self::Bytes => 1_024.0,
        }
    }

    /// The least round value that is not below `rough`.
    pub(super) fn round_up(self, rough: f64) -> f64 {
        let (base, parts): (f64, &[f64]) = match self {
            Self::Bytes => (2.0, &[1.0]),
            _ => (10.0, &[1.0, 2.0, 5.0]),
        };
        let unit = base.powf(rough.log(base).floor());
        let round = parts.iter().map(|part| part * unit).find(|&round| round >= rough);
        round.unwrap_or(base * unit)
    }
}

/// A line of a chart.
pub(super) struct Line {
    /// What it is.
    pub(super) name: &'static str,
    /// Its colour.
    pub(super) color: fn(&Tokens) -> Color32,
    value: fn(&Sample) -> Option<f64>,
}

/// The charts of the cluster.
pub(super) const CLUSTER: [Chart; 8] = [
    Chart {
        title: "Messages / s",
        explained: "Accepted from clients, taken by recipients' sessions, and passed on by the \
                    relay, a second.",
        unit: Unit::Rate,
        lines: &[
            ACCEPTED,
            DELIVERED,
            line("forwarded", NOTE, |s| Some(s.rates[Counter::Forwarded])),
        ],
    },
    Chart {
        title: "Accept to receipt",
        explained: "The time from accepting a send to telling its outcome: half of all sends took \
                    no longer than p50, 99 of 100 no longer than p99.",
        unit: Unit::Micros,
        lines: &[P50, P99],
    },
    Chart {
        title: "Not delivered / s",
        explained: "Sends that ended otherwise than delivered, a second.",
        unit: Unit::Rate,
        lines: &[
            line("offline", |t| t.muted, |s| Some(s.rates[Counter::Offline])),
            line("busy", |t| t.warning, |s| Some(s.rates[Counter::Busy])),
            line("unreachable", |t| t.bad, |s| Some(s.rates[Counter::Unreachable])),
            line("unconfirmed", |t| t.indeterminate, |s| Some(s.rates[Counter::Unconfirmed])),
        ],
    },
    Chart {
        title: "Slowest link",
        explained: "The longest smoothed round-trip time of any node's link to the relay.",
        unit: Unit::Micros,
        lines: &[RTT],
    },
    Chart {
        title: "CPU",
        explained: "The share of one core that the relay used, and that all nodes used together.",
        unit: Unit::Share,
        lines: &[
            line("relay", NOTE, |s| Some(s.rates.relay_cpu())),
            line("nodes", ACCENT, |s| Some(s.rates.cpu())),
        ],
    },
    Chart {
        title: "Memory",
        explained: "Resident memory of the relay, and of all nodes together.",
        unit: Unit::Bytes,
        lines: &[
            line("relay", NOTE, |s| Some(s.relay_memory_bytes as f64)),
            line("nodes", ACCENT, |s| Some(s.memory_bytes as f64)),
        ],
    },
    QUEUES,
    Chart {
        title: "Forwarded bytes / s",
        explained: "Bytes of batches that the relay passed on, a second.",
        unit: Unit::Bytes,
        lines: &[line("bytes", ACCENT, |s| Some(s.rates[Counter::ForwardedBytes]))],
    },
];

/// The charts of a node.
pub(super) const NODE: [Chart; 5] = [
    Chart {
        title: "Messages / s",
        explained: "Accepted from its clients, taken by its sessions, and passed on from it by \
                    the relay, a second.",
        unit: Unit::Rate,
        lines: &[
            ACCEPTED,
            DELIVERED,
            line("forwarded", NOTE, |s| Some(s.rates[Counter::ForwardedFrom])),
        ],
    },
    Chart {
        title: "Accept to receipt",
        explained: "The time from accepting a send to telling its outcome, of its own sends.",
        unit: Unit::Micros,
        lines: &[P50, P99],
    },
    SESSIONS,
    QUEUES,
    Chart {
        title: "Link",
        explained: "The smoothed round-trip time of its link.",
        unit: Unit::Micros,
        lines: &[RTT],
    },
];

type ColorOf = fn(&Tokens) -> Color32;
const ACCENT: ColorOf = |tokens| tokens.accent;
const NOTE: ColorOf = |tokens| tokens.indeterminate;

const ACCEPTED: Line = line("accepted", ACCENT, |s| Some(s.rates[Counter::Accepted]));
const DELIVERED: Line = line("delivered", |tokens| tokens.good, |s| Some(s.rates.delivered()));
const P50: Line = line("p50", ACCENT, |s| quantile(s, 0.5));
const P99: Line = line("p99", |tokens| tokens.warning, |s| quantile(s, 0.99));

const RTT: Line = line("RTT", ACCENT, |s| s.rtt_us.map(|us| us as f64));

const SESSIONS: Chart = Chart {
    title: "Sessions",
    explained: "Sessions that are logged in, and how many there may be.",
    unit: Unit::Count,
    lines: &[
        line("sessions", ACCENT, |s| Some(s.sessions as f64)),
        line("capacity", |tokens| tokens.faint, |s| Some(s.capacity as f64)),
    ],
};

const QUEUES: Chart = Chart {
    title: "Queued",
    explained: "Bytes that wait in lanes, and in the buffers of sessions. Every queue is bounded; \
                one that stays high has a slow reader.",
    unit: Unit::Bytes,
    lines: &[
        line("lanes", ACCENT, |s| Some(s.lane_bytes as f64)),
        line("sessions", |tokens| tokens.warning, |s| Some(s.session_bytes as f64)),
    ],
};

const fn line(name: &'static str, color: ColorOf, value: fn(&Sample) -> Option<f64>) -> Line {
    Line { name, color, value }
}

fn quantile(sample: &Sample, share: f64) -> Option<f64> {
    sample.latency.quantile_us(share).map(|us| us as f64)
}

/// What the points of charts were made of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MadeOf {
    revision: u64,
    moment: Moment,
    node: Option<Name>,
    minutes: u64,
}

/// When the charts end: now, or so soon after the moment that is shown that it lies on them.
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

/// What the charts are drawn from, made anew when there is more of it.
#[derive(Debug, Default)]
pub(super) struct Points {
    made_of: Option<MadeOf>,
    samples: Vec<Sample>,
    /// The span of time that is shown, in Unix milliseconds.
    pub(super) span_ms: (u64, u64),
    /// The same in seconds.
    pub(super) seconds: (f64, f64),
}

impl Points {
    /// Brings the points up to date.
    pub(super) fn update(&mut self, state: &WindowState, node: Option<&Name>, minutes: u64) {
        let history = state.history();
        let made_of = MadeOf {
            revision: history.revision(),
            moment: state.moment(),
            node: node.cloned(),
            minutes,
        };
        if self.made_of.as_ref() == Some(&made_of) {
            return;
        }
        let to_ms = end_ms(state, minutes * 60_000);
        let from_ms = to_ms.saturating_sub(minutes * 60_000);
        self.refill(history, &made_of, from_ms);
        self.samples.retain(|sample| (from_ms..=to_ms).contains(&sample.at_ms));
        self.span_ms = (from_ms, to_ms);
        self.seconds = (from_ms as f64 / 1e3, to_ms as f64 / 1e3);
        self.made_of = Some(made_of);
    }

    /// Makes the samples anew, or only those that have come since, as long as the same is shown.
    fn refill(&mut self, history: &SnapshotHistory, made_of: &MadeOf, from_ms: u64) {
        let goes_on = |before: &MadeOf| {
            before.moment == Moment::Latest
                && MadeOf { revision: before.revision, ..made_of.clone() } == *before
        };
        let goes_on = self.made_of.as_ref().is_some_and(goes_on);
        // What grew older was thinned out since.
        let is_thin = self.samples.len() < SAMPLES_MAX;
        let last_ms = self.samples.last().map(|last| last.at_ms).filter(|_| goes_on && is_thin);
        let since_ms = last_ms.unwrap_or(from_ms);
        let samples = match &made_of.node {
            Some(name) => history.samples_of(name, since_ms),
            None => history.samples(since_ms),
        };
        match last_ms {
            Some(last_ms) => {
                self.samples.extend(samples.into_iter().filter(|sample| sample.at_ms > last_ms));
            }
            None => self.samples = samples,
        }
    }

    /// The pieces of a line, with one point for each `step_ms`: the highest, so that no peak is
    /// hidden.
    pub(super) fn pieces(&self, line: &Line, step_ms: u64) -> Vec<Vec<PlotPoint>> {
        let mut pieces: Vec<Vec<PlotPoint>> = Vec::new();
        let mut last_ms = None;
        for sample in &self.samples {
            let Some(value) = (line.value)(sample) else { continue };
            let point = PlotPoint::new(sample.at_ms as f64 / 1e3, value);
            let goes_on = last_ms.is_some_and(|last| sample.at_ms - last < GAP_MS);
            let same_step = last_ms.is_some_and(|last| last / step_ms == sample.at_ms / step_ms);
            match pieces.last_mut().filter(|_| goes_on) {
                Some(piece) => match piece.last_mut().filter(|_| same_step) {
                    Some(last) => last.y = last.y.max(value),
                    None => piece.push(point),
                },
                None => pieces.push(vec![point]),
            }
            last_ms = Some(sample.at_ms);
        }
        pieces
    }

    /// The value of a line at a moment, from the sample before it.
    pub(super) fn value(&self, line: &Line, at_seconds: f64) -> Option<f64> {
        let at_ms = (at_seconds * 1e3) as u64;
        let after = self.samples.partition_point(|sample| sample.at_ms <= at_ms);
        (line.value)(self.samples.get(after.checked_sub(1)?)?)
    }
}
