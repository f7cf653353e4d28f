//! The log of cluster events.

use eframe::egui::{RichText, Ui};
use egui_extras::Column;
use serde::{Deserialize, Serialize};
use trunkline_protocol::{Name, status::ClusterEvent};

use super::{
    UiCommand, ViewContext, keys,
    widgets::{self, choice, label, short_incarnation, symbol_with_word, tooltip},
};
use crate::{
    escaped_text,
    format::{plural, since},
    state::{EVENT_LABELS, Moment, Severity, describe_event, severity},
    theme::{space, text, tokens},
};

/// The filters of the list.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EventsView {
    least: Least,
    #[serde(skip)]
    kind: Option<&'static str>,
    #[serde(skip)]
    node: Option<Name>,
    #[serde(skip)]
    words: String,
}

/// The least severity that is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Least {
    #[default]
    All,
    Warnings,
    Bad,
}

/// Draws the filters and the list.
pub(crate) fn show(ui: &mut Ui, view: &mut EventsView, ctx: &ViewContext<'_>) {
    let shown_ms = ctx.status.snapshot.at_ms;
    let until_ms = match ctx.state.moment() {
        Moment::At(_) => shown_ms,
        // This window's own events have the time of its clock, and may be newer than the snapshot.
        Moment::Latest => u64::MAX,
    };
    let events = ctx.state.events.iter().rev().filter(|event| event.at_ms <= until_ms);
    let listed: Vec<_> = events.filter(|event| view.lists(event, ctx)).collect();
    filters(ui, view, ctx, listed.len());
    ui.add_space(space::S);
    if listed.is_empty() {
        label(ui, "No matching events.");
    } else {
        table(ui, &listed, ctx);
    }
}

/// Draws the latest events of one node.
pub(crate) fn of_node(ui: &mut Ui, name: &Name, most: usize, ctx: &ViewContext<'_>) {
    latest(ui, |event| event.node.as_ref() == Some(name), most, ctx);
}

/// Draws the latest events that concern no node.
pub(crate) fn of_relay(ui: &mut Ui, most: usize, ctx: &ViewContext<'_>) {
    latest(ui, |event| event.node.is_none(), most, ctx);
}

fn latest(
    ui: &mut Ui,
    is_listed: impl Fn(&ClusterEvent) -> bool,
    most: usize,
    ctx: &ViewContext<'_>,
) {
    let shown_ms = ctx.status.snapshot.at_ms;
    let events = ctx.state.events.iter().rev();
    let is_shown = |event: &&ClusterEvent| event.at_ms <= shown_ms && is_listed(event);
    let mut events = events.filter(is_shown).take(most).peekable();
    if events.peek().is_none() {
        label(ui, "No events.");
    }
    for event in events {
        let described = describe_event(event, &ctx.state.events, ctx.clock);
        ui.horizontal_wrapped(|ui| {
            label(ui, ctx.clock.millis(event.at_ms));
            symbol_with_word(ui, tokens(ui).severity(described.severity), described.label);
            label(ui, described.text);
        });
    }
}

impl EventsView {
    fn lists(&self, event: &ClusterEvent, ctx: &ViewContext<'_>) -> bool {
        let is_severe = match self.least {
            Least::All => true,
            Least::Warnings => severity(event) >= Severity::Warning,
            Least::Bad => severity(event) >= Severity::Bad,
        };
        if !is_severe || (self.node.is_some() && self.node != event.node) {
            return false;
        }
        let words = self.words.trim().to_lowercase();
        // Thousands of events are filtered in each frame: they are put into words only if needed.
        if self.kind.is_none() && words.is_empty() {
            return true;
        }
        let described = describe_event(event, &ctx.state.events, ctx.clock);
        let node = event.node.as_ref().map_or("", Name::as_str);
        self.kind.is_none_or(|kind| kind == described.label)
            && [node, described.label, &described.text]
                .iter()
                .any(|text| text.to_lowercase().contains(&words))
    }
}

fn filters(ui: &mut Ui, view: &mut EventsView, ctx: &ViewContext<'_>, listed: usize) {
    ui.horizontal_wrapped(|ui| {
        for (least, words) in [
            (Least::All, "All"),
            (Least::Warnings, "Warnings and errors"),
            (Least::Bad, "Errors only"),
        ] {
            ui.selectable_value(&mut view.least, least, words);
        }
        ui.add_space(space::M);
        choice(ui, ("kind", "any"), &mut view.kind, EVENT_LABELS);
        let nodes = ctx.status.snapshot.nodes.iter().map(|node| node.name.clone());
        choice(ui, ("node", "all nodes"), &mut view.node, nodes);
        ui.add_space(space::M);
        let name = label(ui, "containing");
        let words = keys::search_field(&mut view.words).desired_width(200.0);
        ui.add(words).labelled_by(name.id);
        ui.add_space(space::M);
        label(ui, plural(listed as u64, "event"));
    });
}

fn table(ui: &mut Ui, listed: &[&ClusterEvent], ctx: &ViewContext<'_>) {
    let shown_ms = ctx.status.snapshot.at_ms;
    widgets::table(ui, "events")
        .column(Column::exact(104.0))
        .column(Column::exact(96.0))
        .column(Column::exact(112.0))
        .column(Column::exact(104.0))
        .column(Column::remainder().clip(true))
        .column(Column::exact(84.0))
        .header(space::ROW, |mut header| {
            let time = format!("time ({})", ctx.clock.zone(shown_ms));
            for head in [&*time, "age", "event", "node", "details", "incarnation"] {
                header.col(|ui| drop(label(ui, head)));
            }
        })
        .body(|body| {
            body.rows(space::ROW, listed.len(), |mut row| {
                let event = listed[row.index()];
                let described = describe_event(event, &ctx.state.events, ctx.clock);
                let mut clicked = false;
                row.col(|ui| clicked = ui.link(ctx.clock.millis(event.at_ms)).clicked());
                row.col(|ui| drop(label(ui, since(event.at_ms, shown_ms))));
                row.col(|ui| {
                    symbol_with_word(ui, tokens(ui).severity(described.severity), described.label);
                });
                row.col(|ui| {
                    let node = event.node.as_ref().map_or("", Name::as_str);
                    ui.label(RichText::new(node).font(text::strong()));
                });
                row.col(|ui| {
                    let details =
                        escaped_text::label(ui, &described.text, text::body(), tokens(ui).text);
                    let whole = tooltip(ui, &described.text);
                    details.on_hover_text(whole);
                });
                row.col(|ui| incarnation(ui, event));
                let line = row
                    .response()
                    .on_hover_text("Click to show the cluster just after this event.");
                if clicked || line.clicked() {
                    ctx.send(UiCommand::ShowMoment(ctx.state.moment_after(event.at_ms)));
                }
            });
        });
}

fn incarnation(ui: &mut Ui, event: &ClusterEvent) {
    let Some(incarnation) = event.incarnation else { return };
    let explained = format!("{incarnation}: search the relay's log for it.");
    label(ui, short_incarnation(incarnation)).on_hover_text(explained);
}
