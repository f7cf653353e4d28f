use eframe::egui::{Align, Color32, RichText, Ui, text::TextFormat};
use trunkline_protocol::status::LatencyHistogram;

use crate::{
    format::{UNKNOWN, count, micros, rate},
    state::{ClusterStatus, Counter},
    theme::{BAR, space, text, tokens},
    view::widgets::{bar, colored_text, fill_color, label, ratio},
};

/// Draws the key metrics of the cluster.
pub(super) fn show(ui: &mut Ui, status: &ClusterStatus) {
    let total = &status.total;
    sessions(ui, status);
    tile(
        ui,
        "accepted / s",
        rate(total[Counter::Accepted]),
        None,
        "Messages per second that nodes accepted from clients. Each accepted message gets exactly one outcome.",
    );
    let split = format!(
        "{} local · {} remote",
        rate(total[Counter::DeliveredLocally]),
        rate(total[Counter::DeliveredFromLinks])
    );
    tile(
        ui,
        "delivered / s",
        rate(total.delivered()),
        Some(split),
        "Messages per second that were delivered to recipients, sent on the same node (local) or on another one (remote).",
    );
    tile(
        ui,
        "forwarded / s",
        rate(total[Counter::Forwarded]),
        None,
        "Messages per second that the relay forwarded from one node to another.",
    );
    latencies(ui, status);
    outcomes(ui, status);
    let stale = status.present().map(|node| node.load.stale_entries).sum();
    tile(
        ui,
        "stale entries",
        count(stale),
        None,
        "Directory entries of sessions that no longer exist. Counts those that the present nodes have found and removed since they started.",
    );
}

fn sessions(ui: &mut Ui, status: &ClusterStatus) {
    let (sessions, capacity) = status.sessions_and_capacity();
    let ratio = ratio(sessions, capacity);
    let tile = ui.vertical(|ui| {
        label(ui, "sessions");
        let tokens = tokens(ui);
        let mut words = colored_text(text::number(), &[(&count(sessions), tokens.text)]);
        let small = TextFormat::simple(text::label(), tokens.muted);
        let small = TextFormat { valign: Align::Center, ..small };
        words.append(&format!(" of {}", count(capacity)), 0.0, small);
        ui.label(words);
        bar(ui, BAR, ratio, fill_color(ui, ratio));
    });
    tile.response.on_hover_text(
        "WebSocket sessions that are logged in, and the capacity of the present nodes.",
    );
}

fn latencies(ui: &mut Ui, status: &ClusterStatus) {
    let quantile = |histogram: &LatencyHistogram, share| {
        histogram.quantile_us(share).map_or(UNKNOWN.into(), micros)
    };
    let delivered = "Time from accepting a message to its receipt, for the messages that were delivered in the last 10 seconds on all nodes; those with another outcome are not in it. The histograms of the nodes are merged, not averaged.";
    let only = || Some("delivered only".into());
    tile(ui, "p50", quantile(&status.latency, 0.5), only(), delivered);
    tile(ui, "p99", quantile(&status.latency, 0.99), only(), delivered);
    let failures = &status.failure_latency;
    let explained = "Time from accepting a message to an outcome other than delivered, for the messages that ended so in the last 10 seconds on all nodes. Unknown if there were none, or if the nodes are too old to report it.";
    let p50 = format!("p50 {}", quantile(failures, 0.5));
    tile(ui, "p99, not delivered", quantile(failures, 0.99), Some(p50), explained);
}

fn outcomes(ui: &mut Ui, status: &ClusterStatus) {
    let (total, tokens) = (&status.total, tokens(ui));
    let outcomes = [
        (Counter::Offline, "offline", tokens.muted),
        (Counter::Busy, "busy", tokens.warning),
        (Counter::Unreachable, "unreachable", tokens.bad),
        (Counter::Unconfirmed, "unconfirmed", tokens.indeterminate),
    ];
    let tile = ui.vertical(|ui| {
        label(ui, "not delivered / s");
        ui.label(RichText::new(rate(total.not_delivered())).font(text::number()));
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            for (counter, word, color) in outcomes {
                outcome(ui, word, total[counter], color);
            }
        });
    });
    tile.response.on_hover_text("Messages per second with another outcome than delivered. Offline: the user has no session. Busy: a bounded queue was full. Unreachable: the recipient's node was not reached in time. Unconfirmed: handed over, but no receipt arrived.");
}

fn outcome(ui: &mut Ui, word: &str, per_second: f64, color: Color32) {
    let color = if per_second > 0.0 { color } else { tokens(ui).faint };
    let words = format!("{} {word}", rate(per_second));
    ui.label(RichText::new(words).font(text::label()).color(color));
}

/// A value beneath its name, and above what it consists of.
fn tile(ui: &mut Ui, name: &str, value: String, detail: Option<String>, explained: &str) {
    let tile = ui.vertical(|ui| {
        label(ui, name);
        ui.label(RichText::new(value).font(text::number()));
        if let Some(detail) = detail {
            label(ui, detail);
        }
    });
    tile.response.on_hover_text(explained);
}
