use eframe::egui::{Align, Color32, Response, RichText, Ui, text::TextFormat};

use crate::{
    format::{UNKNOWN, count, micros, rate},
    state::{ClusterStatus, Counter},
    theme::{BAR, space, text, tokens},
    view::parts::{bar, fullness, label, pieces, share},
};

/// Draws the figures that tell how the cluster does.
pub(super) fn show(ui: &mut Ui, picture: &ClusterStatus) {
    let total = &picture.total;
    sessions(ui, picture);
    tile(
        ui,
        "accepted / s",
        rate(total[Counter::Accepted]),
        None,
        "Messages a second that nodes accepted from clients: from then on each gets exactly one outcome.",
    );
    let detail = format!(
        "{} local · {} remote",
        rate(total[Counter::DeliveredLocally]),
        rate(total[Counter::DeliveredFromLinks])
    );
    tile(
        ui,
        "delivered / s",
        rate(total.delivered()),
        Some(detail),
        "Messages a second taken by recipients' nodes, for sends accepted on the same node (local) or on another (remote).",
    );
    tile(
        ui,
        "forwarded / s",
        rate(total[Counter::Forwarded]),
        None,
        "Messages a second that the relay passed from one node to another.",
    );
    latency(ui, picture);
    outcomes(ui, picture);
    let ghosts = picture.present().map(|node| node.load.stale_entries).sum();
    tile(
        ui,
        "ghosts",
        count(ghosts),
        None,
        "Directory entries of sessions that no longer exist, found and removed by the nodes that are there, since they started.",
    );
}

fn sessions(ui: &mut Ui, picture: &ClusterStatus) {
    let (sessions, capacity) = picture.sessions_and_capacity();
    let share = share(sessions, capacity);
    ui.vertical(|ui| {
        label(ui, "sessions");
        let tokens = tokens(ui);
        let mut words = pieces(text::number(), &[(&count(sessions), tokens.text)]);
        let format = TextFormat { valign: Align::Center, ..TextFormat::simple(text::label(), tokens.muted) };
        words.append(&format!(" of {}", count(capacity)), 0.0, format);
        ui.label(words);
        let color = fullness(ui, share);
        bar(ui, BAR, share, color);
    })
    .response
    .on_hover_text("WebSocket sessions that are logged in, and how many the nodes that are there take together.");
}

fn latency(ui: &mut Ui, picture: &ClusterStatus) {
    let quantile = |share| picture.latency.quantile_us(share).map_or(UNKNOWN.into(), micros);
    let explained = "From accepting a send to telling its outcome, over the sends of the last 10 seconds on all nodes together (their histograms are merged, not averaged).";
    tile(ui, "p50", quantile(0.5), None, explained);
    tile(ui, "p99", quantile(0.99), None, explained);
}

fn outcomes(ui: &mut Ui, picture: &ClusterStatus) {
    let total = &picture.total;
    let tokens = tokens(ui);
    let parts = [
        (Counter::Offline, "offline", tokens.muted),
        (Counter::Busy, "busy", tokens.warning),
        (Counter::Unreachable, "unreachable", tokens.bad),
        (Counter::Unconfirmed, "unconfirmed", tokens.indeterminate),
    ];
    ui.vertical(|ui| {
        label(ui, "not delivered / s");
        ui.label(RichText::new(rate(total.not_delivered())).font(text::number()));
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            for (counter, word, color) in parts {
                outcome(ui, word, total[counter], color);
            }
        });
    })
    .response
    .on_hover_text("Sends a second that ended otherwise than delivered. Offline: the user has no session. Busy: a bounded queue was full. Unreachable: the recipient's node was not reached in time. Unconfirmed: handed over, and no answer came.");
}

fn outcome(ui: &mut Ui, word: &str, per_second: f64, color: Color32) -> Response {
    let color = if per_second > 0.0 { color } else { tokens(ui).faint };
    let words = format!("{} {word}", rate(per_second));
    ui.label(RichText::new(words).font(text::label()).color(color))
}

/// A figure under its label, with what it is made of beneath.
fn tile(ui: &mut Ui, name: &str, value: String, detail: Option<String>, explained: &str) {
    ui.vertical(|ui| {
        label(ui, name);
        ui.label(RichText::new(value).font(text::number()));
        if let Some(detail) = detail {
            label(ui, detail);
        }
    })
    .response
    .on_hover_text(explained);
}
