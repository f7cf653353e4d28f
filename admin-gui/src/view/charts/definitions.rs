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

/// The charts of the cluster. What goes wrong comes first.
pub(super) const CLUSTER: [Chart; 8] = [
    NOT_DELIVERED,
    chart(
        "Messages / s",
        "Messages per second that were accepted from clients, delivered to recipients, and \
         forwarded by the relay.",
        Rate,
        &[ACCEPTED, DELIVERED, line("forwarded", THIRD, |s| Some(s.rates[Counter::Forwarded]))],
    ),
    chart(
        "Latency, delivered only",
        "Time from accepting a message to its receipt, of those that were delivered: half took at \
         most p50, 99 of 100 at most p99. Beside it, the time to another outcome.",
        Micros,
        &[P50, P99, FAILED_P99],
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
            line("relay", SECOND, |s| Some(s.rates.relay_cpu())),
            line("nodes", FIRST, |s| Some(s.rates.cpu())),
        ],
    ),
    chart(
        "Memory",
        "Resident memory of the relay, and of all nodes together.",
        Bytes,
        &[
            line("relay", SECOND, |s| Some(s.relay_memory_bytes as f64)),
            line("nodes", FIRST, |s| Some(s.memory_bytes as f64)),
        ],
    ),
    QUEUES,
    chart(
        "Forwarded bytes / s",
        "Bytes per second that the relay forwarded, in batches.",
        Bytes,
        &[line("bytes", FIRST, |s| Some(s.rates[Counter::ForwardedBytes]))],
    ),
];

/// The charts of a node.
pub(super) const NODE: [Chart; 6] = [
    NOT_DELIVERED,
    chart(
        "Messages / s",
        "Messages per second that the node accepted from its clients, delivered to its sessions, \
         and sent to other nodes through the relay.",
        Rate,
        &[ACCEPTED, DELIVERED, line("forwarded", THIRD, |s| Some(s.rates[Counter::ForwardedFrom]))],
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

/// The charts of the relay.
pub(super) const RELAY: [Chart; 4] = [
    chart(
        "Relay: forwarded / s",
        "Messages per second that the relay forwarded from one node to another.",
        Rate,
        &[line("forwarded", FIRST, |s| Some(s.rates[Counter::Forwarded]))],
    ),
    chart(
        "Relay: refused / s",
        "Messages per second that the relay refused because the lane to the destination was full, or \
         because the destination had no link, and receipts that it dropped.",
        Rate,
        &[
            line("lane full", FIRST, |s| Some(s.rates[Counter::RelayFull])),
            line("no link", SECOND, |s| Some(s.rates[Counter::RelayGone])),
            line("dropped", THIRD, |s| Some(s.rates[Counter::RelayDropped])),
        ],
    ),
    chart(
        "Relay: CPU",
        "Share of one core that the relay used.",
        Share,
        &[line("CPU", FIRST, |s| Some(s.rates.relay_cpu()))],
    ),
    chart(
        "Relay: memory",
        "Resident memory of the relay.",
        Bytes,
        &[line("memory", FIRST, |s| Some(s.relay_memory_bytes as f64))],
    ),
];

const NOT_DELIVERED: Chart = chart(
    "Not delivered / s",
    "Messages per second with another outcome than delivered.",
    Rate,
    &[
        line("offline", |tokens| tokens.muted, |s| Some(s.rates[Counter::Offline])),
        line("busy", |tokens| tokens.warning, |s| Some(s.rates[Counter::Busy])),
        line("unreachable", |tokens| tokens.bad, |s| Some(s.rates[Counter::Unreachable])),
        line("unconfirmed", |tokens| tokens.indeterminate, |s| Some(s.rates[Counter::Unconfirmed])),
    ],
);

const SESSIONS: Chart = chart(
    "Sessions",
    "Sessions that are logged in, and the capacity.",
    Count,
    &[
        line("sessions", FIRST, |s| Some(s.sessions as f64)),
        line("capacity", |tokens| tokens.faint, |s| Some(s.capacity as f64)),
    ],
);

const QUEUES: Chart = chart(
    "Queued",
    "Bytes in the buffers of lanes and of sessions. Every queue is bounded. One that stays full \
     has a slow reader.",
    Bytes,
    &[
        line("lanes", FIRST, |s| Some(s.lane_bytes as f64)),
        line("sessions", SECOND, |s| Some(s.session_bytes as f64)),
    ],
);

const FIRST: ColorOf = |tokens| tokens.series[0];
const SECOND: ColorOf = |tokens| tokens.series[1];
const THIRD: ColorOf = |tokens| tokens.series[2];

const ACCEPTED: ChartLine = line("accepted", FIRST, |s| Some(s.rates[Counter::Accepted]));
const DELIVERED: ChartLine = line("delivered", SECOND, |s| Some(s.rates.delivered()));
const P50: ChartLine = line("p50", FIRST, |s| quantile(&s.latency, 0.5));
const P99: ChartLine = line("p99", SECOND, |s| quantile(&s.latency, 0.99));
const FAILED_P99: ChartLine =
    line("p99, not delivered", |tokens| tokens.bad, |s| quantile(&s.failure_latency, 0.99));
const RTT: ChartLine = line("RTT", FIRST, |s| s.rtt_us.map(|us| us as f64));

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
