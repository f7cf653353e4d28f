//! The table of nodes.

mod columns;

use eframe::egui::{Align, Button, Layout, RichText, ScrollArea, Sense, Stroke, Ui};
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
        // Space sets columns apart, not lines.
        ui.visuals_mut().widgets.noninteractive.bg_stroke = Stroke::NONE;
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
    let layout = Layout::left_to_right(Align::Center);
    let mut table = TableBuilder::new(ui).id_salt("nodes").sense(Sense::CLICK).cell_layout(layout);
    for column in &COLUMNS {
        let column = Column::initial(column.width).at_least(44.0).clip(true);
        table = table.column(column.resizable(true));
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
            for column in &COLUMNS {
                line.col(|ui| column.draw(ui, row));
            }
            if line.response().clicked() {
                wishes.push(Wish::Select((!selected).then(|| row.node.name.clone())));
            }
        });
    });
}

impl Sort {
    fn apply(self, mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
        // What was stored may be of a version with more columns.
        let column = COLUMNS.get(self.column).unwrap_or(&COLUMNS[columns::NAME]);
        rows.sort_by(|a, b| {
            let order = column.order(a, b);
            let order = if self.descending { order.reverse() } else { order };
            order.then_with(|| a.node.name.cmp(&b.node.name))
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
