//! The sends of the last time, by outcome and node, and the incidents.

use eframe::egui::{RichText, ScrollArea, Ui};
use egui_extras::Column;
use serde::{Deserialize, Serialize};
use trunkline_protocol::{Name, Outcome};

use super::{
    UiCommand, ViewContext,
    widgets::{self, colored_number, label, number, number_head, text_button, title},
};
use crate::{
    format::{count, percent, since},
    state::{Incident, Moment, SendCounts, SendTotals, affected, by_name, describe_cause},
    theme::{Tokens, space, text, tokens},
};

/// The columns for outcomes, the worst first.
const OUTCOMES: [Outcome; 5] = [
    Outcome::Unreachable,
    Outcome::Unconfirmed,
    Outcome::Busy,
    Outcome::Offline,
    Outcome::Delivered,
];

/// The time whose sends are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OutcomesSpan {
    /// The last 15 minutes.
    #[default]
    Quarter,
    /// The last hour.
    Hour,
}

/// Draws the sends by outcome and node, and below them the incidents.
pub(crate) fn show(ui: &mut Ui, span: &mut OutcomesSpan, ctx: &ViewContext<'_>) {
    ui.horizontal(|ui| {
        title(ui, "Sends by outcome and node");
        ui.selectable_value(span, OutcomesSpan::Quarter, "last 15 min");
        ui.selectable_value(span, OutcomesSpan::Hour, "last hour");
    });
    label(
        ui,
        "Counted by the node that accepted the send. A node counts on while the relay is away; what it \
         has counted is added when it reports again.",
    );
    ui.add_space(space::S);
    let totals = match span {
        OutcomesSpan::Quarter => &ctx.status.sends.quarter,
        OutcomesSpan::Hour => &ctx.status.sends.hour,
    };
    let incidents: Vec<_> = incidents(ctx).collect();
    let below = if incidents.is_empty() { 0.0 } else { (ui.available_height() * 0.4).max(120.0) };
    let height = (ui.available_height() - below).max(space::ROW * 4.0);
    ScrollArea::horizontal().id_salt("outcomes across").show(ui, |ui| {
        ui.set_max_height(height);
        by_node(ui, totals, height, ctx);
    });
    if !incidents.is_empty() {
        ui.add_space(space::M);
        title(ui, "Incidents");
        ScrollArea::vertical().id_salt("incidents").auto_shrink(false).show(ui, |ui| {
            incidents.iter().for_each(|incident| show_incident(ui, incident, ctx));
        });
    }
}

fn by_node(ui: &mut Ui, totals: &SendTotals, height: f32, ctx: &ViewContext<'_>) {
    let mut nodes: Vec<_> = totals.nodes().collect();
    nodes.sort_by(|(a, _), (b, _)| by_name(a, b));
    let all = totals.all();
    let tokens = tokens(ui);
    widgets::table(ui, "sends by outcome and node")
        .max_scroll_height(height)
        .column(Column::exact(150.0))
        .columns(Column::exact(96.0), OUTCOMES.len() + 2)
        .header(space::ROW, |mut header| {
            header.col(|ui| drop(label(ui, "node")));
            for outcome in OUTCOMES {
                header.col(|ui| number_head(ui, outcome.as_str()));
            }
            header.col(|ui| number_head(ui, "failed"));
            header.col(|ui| number_head(ui, "logins refused"));
        })
        .body(|body| {
            body.rows(space::ROW, nodes.len() + 1, |mut row| {
                let node = row.index().checked_sub(1).map(|index| nodes[index]);
                let counts = node.map_or(&all, |(_, counts)| counts);
                row.col(|ui| name(ui, node.map(|(name, _)| name), ctx));
                for outcome in OUTCOMES {
                    row.col(|ui| cell(ui, tokens, outcome, counts.outcomes.of(outcome)));
                }
                row.col(|ui| number(ui, failed_share(counts)));
                row.col(|ui| number(ui, count(counts.refused_slots)));
            });
        });
}

fn name(ui: &mut Ui, name: Option<&Name>, ctx: &ViewContext<'_>) {
    match name {
        None => drop(ui.label(RichText::new("all nodes").font(text::strong()))),
        Some(name) => {
            if text_button(ui, name.as_str()).clicked() {
                ctx.send(UiCommand::Select(Some(name.clone())));
            }
        }
    }
}

fn cell(ui: &mut Ui, tokens: &Tokens, outcome: Outcome, value: u64) {
    match outcome {
        Outcome::Unreachable if value > 0 => colored_number(ui, count(value), tokens.bad),
        Outcome::Unconfirmed if value > 0 => colored_number(ui, count(value), tokens.indeterminate),
        Outcome::Busy if value > 0 => colored_number(ui, count(value), tokens.warning),
        _ => number(ui, count(value)),
    }
}

/// The share of the sends that failed. An offline recipient is no failure.
fn failed_share(counts: &SendCounts) -> String {
    percent(counts.failed_share())
}

/// The incidents that had begun at the shown moment, the latest first.
fn incidents<'a>(ctx: &ViewContext<'a>) -> impl Iterator<Item = &'a Incident> {
    let shown_ms = ctx.status.snapshot.at_ms;
    let all = ctx.state.history().incidents().iter().rev();
    all.filter(move |incident| incident.from_ms <= shown_ms)
}

fn show_incident(ui: &mut Ui, incident: &Incident, ctx: &ViewContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        let from_ms = incident.from_ms;
        let time = ui.link(ctx.clock.millis(from_ms));
        if time.on_hover_text("Click to show the cluster at this time.").clicked() {
            ctx.send(UiCommand::ShowMoment(Moment::At(from_ms)));
        }
        let length = match incident.until_ms() {
            Some(until_ms) => since(from_ms, until_ms),
            None => "lasts".into(),
        };
        ui.label(format!("{}, {length}", describe_cause(&incident.cause)));
        label(ui, affected(&incident.sends()));
    });
}
