//! The table of nodes.

mod columns;

use eframe::egui::{Align, Button, Layout, RichText, ScrollArea, Sense, Ui};
use egui_extras::{Column, TableBuilder};
use serde::{Deserialize, Serialize};

use super::{Showing, Wish, Wishes};
use crate::theme::{space, text, tokens};

use columns::{COLUMNS, Row};

/// How the table is sorted.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NodesView {
    sort: Sort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Sort {
    column: usize,
    descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { column: columns::NAME, descending: false }
    }
}

/// How much wider than it needs a column becomes at most where there is room.
const STRETCH_MAX: f32 = 1.5;

/// How much narrower a column becomes at most before the table is moved sideways.
const STRETCH_MIN: f32 = 0.94;

/// The height that the table of so many nodes takes.
pub(crate) fn height(nodes: usize) -> f32 {
    (nodes + 1) as f32 * (space::ROW + space::XS) + space::L
}

/// Draws the table.
pub(crate) fn show(ui: &mut Ui, view: &mut NodesView, showing: &Showing<'_>, wishes: &mut Wishes) {
    let picture = showing.picture;
    let at_ms = picture.snapshot.at_ms;
    let rows = picture.nodes().map(|(node, rates)| Row { node, rates, at_ms });
    let rows = view.sort.apply(rows.collect());
    ScrollArea::horizontal().id_salt("nodes across").show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        table(ui, view, &rows, showing, wishes);
    });
}

fn table(
    ui: &mut Ui,
    view: &mut NodesView,
    rows: &[Row<'_>],
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) {
    let needed: f32 = COLUMNS.iter().map(|column| column.width + space::S).sum();
    let room = ui.available_width() - space::M;
    let stretch = (room / needed).clamp(STRETCH_MIN, STRETCH_MAX);
    let layout = Layout::left_to_right(Align::Center);
    let mut table = TableBuilder::new(ui).id_salt("nodes").sense(Sense::CLICK).cell_layout(layout);
    for column in &COLUMNS {
        table = table.column(Column::exact(column.width * stretch).clip(true));
    }
    let table = table.header(space::ROW, |mut header| {
        for (at, column) in COLUMNS.iter().enumerate() {
            header.col(|ui| view.sort.head(ui, at, column));
        }
    });
    table.body(|body| {
        body.rows(space::ROW, rows.len(), |mut line| {
            let row = &rows[line.index()];
            let selected = showing.selected == Some(&row.node.name);
            line.set_selected(selected);
            let mut pressed = false;
            for column in &COLUMNS {
                line.col(|ui| pressed |= column.draw(ui, row));
            }
            if pressed || line.response().clicked() {
                wishes.push(Wish::Select((!selected).then(|| row.node.name.clone())));
            }
        });
    });
}

impl Sort {
    fn apply(self, mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
        // What was stored may be of a version with more columns.
        // Within what is equal, the order stays that of the names.
        let column = COLUMNS.get(self.column).unwrap_or(&COLUMNS[columns::NAME]);
        rows.sort_by(|a, b| {
            let order = column.order(a, b);
            if self.descending { order.reverse() } else { order }
        });
        rows
    }

    fn head(&mut self, ui: &mut Ui, at: usize, column: &columns::Column) {
        let sorted = self.column == at;
        let arrow = match (sorted, self.descending) {
            (false, _) => "",
            (true, false) => " ↑",
            (true, true) => " ↓",
        };
        let color = if sorted { tokens(ui).text } else { tokens(ui).muted };
        let words = RichText::new(format!("{}{arrow}", column.head)).font(text::label());
        let button = Button::new(words.color(color)).frame(false);
        let layout = if column.is_figures() {
            Layout::right_to_left(Align::Center)
        } else {
            Layout::left_to_right(Align::Center)
        };
        let head = ui.with_layout(layout, |ui| ui.add(button)).inner;
        if head.on_hover_text(column.explained).clicked() {
            let first = column.is_largest_first();
            let descending = if sorted { !self.descending } else { first };
            *self = Self { column: at, descending };
        }
    }
}
