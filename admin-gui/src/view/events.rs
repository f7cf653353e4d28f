//! What happened.

use eframe::egui::{Align, ComboBox, Layout, RichText, Sense, TextEdit, Ui};
use egui_extras::{Column, TableBuilder};
use serde::{Deserialize, Serialize};
use trunkline_protocol::{Name, status::ClusterEvent};

use super::{
    Showing, Wish, Wishes,
    parts::{hint, label, marked, short},
};
use crate::{
    escaped_text,
    format::{clock, plural, since},
    state::{EVENT_LABELS, Moment, Severity, describe_event, severity},
    theme::{space, text, tokens},
};

/// Which events are listed.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EventsView {
    least: Least,
    #[serde(skip)]
    word: Option<&'static str>,
    #[serde(skip)]
    node: Option<Name>,
    #[serde(skip)]
    words: String,
}

/// From which severity on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Least {
    #[default]
    All,
    Warnings,
    Bad,
}

impl Least {
    fn lets(self, severity: Severity) -> bool {
        match self {
            Self::All => true,
            Self::Warnings => severity >= Severity::Warning,
            Self::Bad => severity >= Severity::Bad,
        }
    }
}

/// Draws the list and its filters.
pub(crate) fn show(ui: &mut Ui, view: &mut EventsView, showing: &Showing<'_>, wishes: &mut Wishes) {
    let until_ms = match showing.state.moment() {
        Moment::At(_) => showing.picture.snapshot.at_ms,
        Moment::Latest => u64::MAX,
    };
    let events = showing.state.events.iter().rev().filter(|event| event.at_ms <= until_ms);
    let listed: Vec<_> = events.filter(|event| view.lists(event)).collect();
    filters(ui, view, showing, listed.len());
    ui.add_space(space::S);
    table(ui, &listed, showing.picture.snapshot.at_ms, wishes);
}

/// Draws the latest few events of one node.
pub(crate) fn of_node(ui: &mut Ui, name: &Name, most: usize, showing: &Showing<'_>) {
    let shown_ms = showing.picture.snapshot.at_ms;
    let events = showing.state.events.iter().rev();
    let events =
        events.filter(|event| event.node.as_ref() == Some(name) && event.at_ms <= shown_ms);
    let mut none = true;
    for event in events.take(most) {
        none = false;
        let told = describe_event(event);
        ui.horizontal_wrapped(|ui| {
            label(ui, clock(event.at_ms));
            let mark = tokens(ui).severity(told.severity);
            marked(ui, mark, told.label);
            label(ui, told.text);
        });
    }
    if none {
        label(ui, "nothing that is remembered");
    }
}

impl EventsView {
    fn lists(&self, event: &ClusterEvent) -> bool {
        if self.node.is_some() && self.node != event.node {
            return false;
        }
        if self.word.is_some_and(|word| word != describe_event(event).label) {
            return false;
        }
        let words = self.words.trim().to_lowercase();
        self.least.lets(severity(event)) && (words.is_empty() || names(event, &words))
    }
}

/// Whether an event is about these words.
fn names(event: &ClusterEvent, words: &str) -> bool {
    let told = describe_event(event);
    let node = event.node.as_ref().map_or("", Name::as_str);
    [node, told.label, &told.text.to_lowercase()].iter().any(|text| text.contains(words))
}

/// What the lines of the log about it carry.
fn in_the_log(ui: &mut Ui, event: &ClusterEvent) {
    let Some(incarnation) = event.incarnation else { return };
    let explained = format!("{incarnation}: the lines of the relay's log about this carry it");
    label(ui, short(incarnation)).on_hover_text(explained);
}

fn filters(ui: &mut Ui, view: &mut EventsView, showing: &Showing<'_>, listed: usize) {
    ui.horizontal_wrapped(|ui| {
        for (least, words) in
            [(Least::All, "All"), (Least::Warnings, "Warnings and worse"), (Least::Bad, "Bad only")]
        {
            ui.selectable_value(&mut view.least, least, words);
        }
        ui.add_space(space::M);
        kinds(ui, view);
        nodes(ui, view, showing);
        ui.add_space(space::M);
        let name = label(ui, "with the words");
        let words = TextEdit::singleline(&mut view.words).desired_width(200.0);
        ui.add(words.id_salt("event words")).labelled_by(name.id);
        ui.add_space(space::M);
        label(ui, plural(listed as u64, "event"));
    });
}

fn kinds(ui: &mut Ui, view: &mut EventsView) {
    let name = label(ui, "kind");
    let combo = ComboBox::from_id_salt("event kind").selected_text(view.word.unwrap_or("any"));
    let combo = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut view.word, None, "any");
        for word in EVENT_LABELS {
            ui.selectable_value(&mut view.word, Some(word), word);
        }
    });
    combo.response.labelled_by(name.id);
}

fn nodes(ui: &mut Ui, view: &mut EventsView, showing: &Showing<'_>) {
    let chosen = view.node.as_ref().map_or("all nodes", Name::as_str).to_owned();
    let name = label(ui, "of");
    let combo = ComboBox::from_id_salt("event node").selected_text(chosen);
    let combo = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut view.node, None, "all nodes");
        for node in &showing.picture.snapshot.nodes {
            ui.selectable_value(&mut view.node, Some(node.name.clone()), node.name.as_str());
        }
    });
    combo.response.labelled_by(name.id);
}

fn table(ui: &mut Ui, listed: &[&ClusterEvent], shown_ms: u64, wishes: &mut Wishes) {
    if listed.is_empty() {
        label(ui, "No event that fits is remembered.");
        return;
    }
    TableBuilder::new(ui)
        .id_salt("events")
        .sense(Sense::CLICK)
        .cell_layout(Layout::left_to_right(Align::Center))
        .column(Column::exact(84.0))
        .column(Column::exact(96.0))
        .column(Column::exact(112.0))
        .column(Column::exact(104.0))
        .column(Column::remainder().clip(true))
        .column(Column::exact(84.0))
        .header(space::ROW, |mut header| {
            for head in ["time (UTC)", "ago", "what", "node", "", "incarnation"] {
                header.col(|ui| drop(label(ui, head)));
            }
        })
        .body(|body| {
            body.rows(space::ROW, listed.len(), |mut row| {
                let event = listed[row.index()];
                let told = describe_event(event);
                let mut pressed = false;
                row.col(|ui| pressed = ui.link(clock(event.at_ms)).clicked());
                row.col(|ui| drop(label(ui, since(event.at_ms, shown_ms))));
                row.col(|ui| drop(marked(ui, tokens(ui).severity(told.severity), told.label)));
                row.col(|ui| {
                    let node = event.node.as_ref().map_or("", Name::as_str);
                    ui.label(RichText::new(node).font(text::strong()));
                });
                row.col(|ui| {
                    let said = escaped_text::label(ui, &told.text, text::body(), tokens(ui).text);
                    let whole = hint(ui, &told.text);
                    said.on_hover_text(whole);
                });
                row.col(|ui| in_the_log(ui, event));
                let line = row.response().on_hover_text("Press to see the picture as it was then");
                if pressed || line.clicked() {
                    wishes.push(Wish::Show(Moment::At(event.at_ms)));
                }
            });
        });
}
