use eframe::egui::{Align, Color32, FontId, Id, RichText, Ui, text::TextFormat};
use trunkline_protocol::status::LatencyHistogram;

use crate::{
    format::{UNKNOWN, count, micros, rate},
    state::{ClusterStatus, Counter},
    theme::{BAR, space, text, tokens},
    view::{
        reserved,
        widgets::{bar, colored_text, fill_color, label, ratio},
    },
};

/// The widest texts to expect: as much room is reserved.
const WIDEST_RATE: &str = "88,888";
const WIDEST_TIME: &str = "888.8 ms";
const WIDEST_SPLIT: &str = "8,888 local · 8,888 remote";
const WIDEST_SHARE: &str = "888";

/// In a window narrower than this, the stale entries, the details, some metrics, and the outcomes are
/// left out.
const STALE_ENTRIES: f32 = 1_520.0;
const DETAILS: f32 = 1_330.0;
const MINOR: f32 = 1_200.0;
const OUTCOMES: f32 = 680.0;

/// Draws the key metrics of the cluster.
pub(super) fn show(ui: &mut Ui, status: &ClusterStatus) {
    let total = &status.total;
    let width = ui.ctx().content_rect().width();
    sessions(ui, status);
    tile(
        ui,
        "accepted / s",
        (rate(total[Counter::Accepted]), WIDEST_RATE),
        None,
        "Messages per second that nodes accepted from clients. Each accepted message gets exactly one outcome.",
    );
    let split = format!(
        "{} local · {} remote",
        rate(total[Counter::DeliveredLocally]),
        rate(total[Counter::DeliveredFromLinks])
    );
    let explained = format!(
        "Messages per second that were delivered to recipients, sent on the same node (local) or on another one (remote): {split}."
    );
    tile(
        ui,
        "delivered / s",
        (rate(total.delivered()), WIDEST_RATE),
        (width >= DETAILS).then_some(split),
        &explained,
    );
    if width >= MINOR {
        tile(
            ui,
            "forwarded / s",
            (rate(total[Counter::Forwarded]), WIDEST_RATE),
            None,
            "Messages per second that the relay forwarded from one node to another.",
        );
    }
    latencies(ui, status, width);
    outcomes(ui, status, width >= OUTCOMES);
    if width >= STALE_ENTRIES {
        let stale = status.present().map(|node| node.load.stale_entries).sum();
        tile(
            ui,
            "stale entries",
            (count(stale), WIDEST_RATE),
            None,
            "Directory entries of sessions that no longer exist. Counts those that the present nodes have found and removed since they started.",
        );
    }
}

fn sessions(ui: &mut Ui, status: &ClusterStatus) {
    let (sessions, capacity) = status.sessions_and_capacity();
    let ratio = ratio(sessions, capacity);
    let widest = (WIDEST_RATE, text::number());
    let tile = reserved::column(ui, Id::unique("sessions tile"), widest, |ui| {
        label(ui, "sessions");
        let tokens = tokens(ui);
        let mut words = colored_text(text::number(), &[(&count(sessions), tokens.text)]);
        let small = TextFormat::simple(text::label(), tokens.muted);
        let small = TextFormat { valign: Align::Center, ..small };
        words.append(&format!(" of {}", count(capacity)), 0.0, small);
        ui.label(words);
        bar(ui, "share of the capacity", BAR, ratio, fill_color(ui, ratio));
    });
    tile.response.on_hover_text(
        "WebSocket sessions that are logged in, and the capacity of the present nodes.",
    );
}

fn latencies(ui: &mut Ui, status: &ClusterStatus, width: f32) {
    let quantile = |histogram: &LatencyHistogram, share| {
        histogram.quantile_us(share).map_or(UNKNOWN.into(), micros)
    };
    let delivered = "Time from accepting a message to its receipt, for the messages that were delivered in the last 10 seconds on all nodes; those with another outcome are not in it. The histograms of the nodes are merged, not averaged.";
    let only = || Some("delivered only".into());
    if width >= MINOR {
        tile(ui, "p50", (quantile(&status.latency, 0.5), WIDEST_TIME), only(), delivered);
    }
    tile(ui, "p99", (quantile(&status.latency, 0.99), WIDEST_TIME), only(), delivered);
    let failures = &status.failure_latency;
    let explained = "Time from accepting a message to an outcome other than delivered, for the messages that ended so in the last 10 seconds on all nodes. Unknown if there were none, or if the nodes are too old to report it.";
    let p50 = (width >= DETAILS).then(|| format!("p50 {}", quantile(failures, 0.5)));
    tile(ui, "p99, not delivered", (quantile(failures, 0.99), WIDEST_TIME), p50, explained);
}

fn outcomes(ui: &mut Ui, status: &ClusterStatus, has_room: bool) {
    let (total, tokens) = (&status.total, tokens(ui));
    let outcomes = [
        (Counter::Offline, "offline", tokens.muted),
        (Counter::Busy, "busy", tokens.warning),
        (Counter::Unreachable, "unreachable", tokens.bad),
        (Counter::Unconfirmed, "unconfirmed", tokens.indeterminate),
    ];
    let widest = (WIDEST_RATE, text::number());
    let tile = reserved::column(ui, Id::unique("outcomes tile"), widest, |ui| {
        label(ui, "not delivered / s");
        ui.label(RichText::new(rate(total.not_delivered())).font(text::number()));
        if has_room {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::S;
                for (counter, word, color) in outcomes {
                    outcome(ui, word, total[counter], color);
                }
            });
        }
    });
    let each = outcomes.map(|(counter, word, _)| format!("{} {word}", rate(total[counter])));
    tile.response.on_hover_text(format!("Messages per second with another outcome than delivered: {}. Offline: the user has no session. Busy: a bounded queue was full. Unreachable: the recipient's node was not reached in time. Unconfirmed: handed over, but no receipt arrived.", each.join(", ")));
}

fn outcome(ui: &mut Ui, word: &str, per_second: f64, color: Color32) {
    let color = if per_second > 0.0 { color } else { tokens(ui).faint };
    let (id, font) = (Id::unique("outcome tile").with(word), text::label());
    let widest = format!("{WIDEST_SHARE} {word}");
    reserved::column(ui, id, (&widest, font.clone()), |ui| {
        ui.label(RichText::new(format!("{} {word}", rate(per_second))).font(font).color(color));
    });
}

/// A value beneath its name, and above what it consists of.
fn tile(
    ui: &mut Ui,
    name: &str,
    (value, widest): (String, &str),
    detail: Option<String>,
    explained: &str,
) {
    let number = (widest, text::number());
    let small: (&str, FontId) = (WIDEST_SPLIT, text::label());
    let widest = if detail.is_some() { small } else { number };
    let tile = reserved::column(ui, Id::unique("tile").with(name), widest, |ui| {
        label(ui, name);
        ui.label(RichText::new(value).font(text::number()));
        if let Some(detail) = detail {
            label(ui, detail);
        }
    });
    tile.response.on_hover_text(explained);
}
