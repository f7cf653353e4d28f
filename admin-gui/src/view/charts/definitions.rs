use eframe::egui::Color32;
use trunkline_protocol::status::LatencyHistogram;

use super::unit::ChartUnit::{self, Bytes, Count, Micros, Rate, Share};
use crate::{
    state::{Counter, Sample},
    theme::Tokens,
};

/// A chart with lines.
pub(super) struct Chart {
    /// Its title, which identifies it.
    pub(super) title: &'static str,
    /// The tooltip of the title.
    pub(super) explained: &'static str,
    /// The unit of its values.
    pub(super) unit: ChartUnit,
    /// Its lines, at most four.
    pub(super) lines: &'static [ChartLine],
}

/// A line of a chart.
pub(super) struct ChartLine {
    /// Its name in the legend.
    pub(super) name: &'static str,
    /// Its colour.
    pub(super) color: ColorOf,
    /// Its value in a sample.
    pub(super) value: ValueOf,
}

type ColorOf = fn(&Tokens) -> Color32;
type ValueOf = fn(&Sample) -> Option<f64>;

/// The charts of the cluster.
pub(super) const CLUSTER: [Chart; 8] = [
    chart(
        "Messages / s",
        "Messages per second that were accepted from clients, delivered to recipients, and \
         forwarded by the relay.",
        Rate,
        &[ACCEPTED, DELIVERED, line("forwarded", NOTE, |s| Some(s.rates[Counter::Forwarded]))],
    ),
    chart(
        "Latency, delivered only",
        "Time from accepting a message to its receipt, of those that were delivered: half took at \
         most p50, 99 of 100 at most p99. Beside it, the time to another outcome.",
        Micros,
        &[P50, P99, FAILED_P99],
    ),
    chart(
        "Not delivered / s",
        "Messages per second with another outcome than delivered.",
        Rate,
        &[
            line("offline", |t| t.muted, |s| Some(s.rates[Counter::Offline])),
            line("busy", |t| t.warning, |s| Some(s.rates[Counter::Busy])),
            line("unreachable", |t| t.bad, |s| Some(s.rates[Counter::Unreachable])),
            line("unconfirmed", |t| t.indeterminate, |s| Some(s.rates[Counter::Unconfirmed])),
        ],
    ),
    chart(
        "Slowest link",
        "Longest smoothed round-trip time among the links of all nodes.",
        Micros,
        &[RTT],
    ),
    chart(
        "CPU",
        "Share of one core that the relay used, and that all nodes used together.",
        Share,
        &[
            line("relay", NOTE, |s| Some(s.rates.relay_cpu())),
            line("nodes", ACCENT, |s| Some(s.rates.cpu())),
        ],
    ),
    chart(
        "Memory",
        "Resident memory of the relay, and of all nodes together.",
        Bytes,
        &[
            line("relay", NOTE, |s| Some(s.relay_memory_bytes as f64)),
            line("nodes", ACCENT, |s| Some(s.memory_bytes as f64)),
        ],
    ),
    QUEUES,
    chart(
        "Forwarded bytes / s",
        "Bytes per second that the relay forwarded, in batches.",
        Bytes,
        &[line("bytes", ACCENT, |s| Some(s.rates[Counter::ForwardedBytes]))],
    ),
];

/// The charts of a node.
pub(super) const NODE: [Chart; 5] = [
    chart(
        "Messages / s",
        "Messages per second that the node accepted from its clients, delivered to its sessions, \
         and sent to other nodes through the relay.",
        Rate,
        &[ACCEPTED, DELIVERED, line("forwarded", NOTE, |s| Some(s.rates[Counter::ForwardedFrom]))],
    ),
    chart(
        "Latency, delivered only",
        "Time from accepting a message to its receipt, of those of this node that were delivered. \
         Beside it, the time to another outcome.",
        Micros,
        &[P50, P99, FAILED_P99],
    ),
    SESSIONS,
    QUEUES,
    chart("Link", "Smoothed round-trip time of the link.", Micros, &[RTT]),
];

const SESSIONS: Chart = chart(
    "Sessions",
    "Sessions that are logged in, and the capacity.",
    Count,
    &[
        line("sessions", ACCENT, |s| Some(s.sessions as f64)),
        line("capacity", |tokens| tokens.faint, |s| Some(s.capacity as f64)),
    ],
);

const QUEUES: Chart = chart(
    "Queued",
    "Bytes in the buffers of lanes and of sessions. Every queue is bounded. One that stays full \
     has a slow reader.",
    Bytes,
    &[
        line("lanes", ACCENT, |s| Some(s.lane_bytes as f64)),
        line("sessions", |tokens| tokens.warning, |s| Some(s.session_bytes as f64)),
    ],
);

const ACCENT: ColorOf = |tokens| tokens.accent;
const NOTE: ColorOf = |tokens| tokens.indeterminate;

const ACCEPTED: ChartLine = line("accepted", ACCENT, |s| Some(s.rates[Counter::Accepted]));
const DELIVERED: ChartLine = line("delivered", |tokens| tokens.good, |s| Some(s.rates.delivered()));
const P50: ChartLine = line("p50", ACCENT, |s| quantile(&s.latency, 0.5));
const P99: ChartLine = line("p99", |tokens| tokens.warning, |s| quantile(&s.latency, 0.99));
const FAILED_P99: ChartLine =
    line("p99, not delivered", |tokens| tokens.bad, |s| quantile(&s.failure_latency, 0.99));
const RTT: ChartLine = line("RTT", ACCENT, |s| s.rtt_us.map(|us| us as f64));

const fn chart(
    title: &'static str,
    explained: &'static str,
    unit: ChartUnit,
    lines: &'static [ChartLine],
) -> Chart {
    Chart { title, explained, unit, lines }
}

const fn line(name: &'static str, color: ColorOf, value: ValueOf) -> ChartLine {
    ChartLine { name, color, value }
}

fn quantile(histogram: &LatencyHistogram, share: f64) -> Option<f64> {
    histogram.quantile_us(share).map(|us| us as f64)
}
