//! The table of the nodes.

mod columns;

use eframe::egui::{Button, RichText, ScrollArea, Ui};
use egui_extras::Column;
use serde::{Deserialize, Serialize};
use trunkline_protocol::Name;

use super::{
    UiCommand, ViewContext,
    filter::{BAR_HEIGHT, NodeFilter},
    keys,
    steady_order::SteadyOrder,
    widgets::{self, label, right_aligned},
};
use crate::{
    state::Moment,
    theme::{space, text, tokens},
};

use columns::{COLUMNS, NodeColumn, Row};

/// How the table is sorted.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NodesView {
    sort: Sort,
    #[serde(skip)]
    order: SteadyOrder<(Sort, Moment), Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Sort {
    column: usize,
    descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { column: columns::STATE, descending: false }
    }
}

/// The most that columns are widened in a wide window.
const STRETCH_MAX: f32 = 1.5;

/// The most that columns are narrowed before the table scrolls.
const STRETCH_MIN: f32 = 0.94;

/// The seconds for which a pointer that does not move holds the order of the rows.
const POINTED_AT: f32 = 5.0;

/// The height of a table with this number of nodes.
pub(crate) fn height(nodes: usize) -> f32 {
    BAR_HEIGHT + (nodes + 1) as f32 * space::ROW + space::L
}

/// Draws the filter and the table.
pub(crate) fn show(
    ui: &mut Ui,
    view: &mut NodesView,
    filter: &mut NodeFilter,
    ctx: &ViewContext<'_>,
) {
    let nodes = filter.show(ui, ctx);
    if nodes.is_empty() {
        label(ui, "No matching nodes.");
        return;
    }
    let at_ms = ctx.status.snapshot.at_ms;
    let rows = nodes.into_iter().map(|(node, rates)| Row { node, rates, at_ms });
    let rows = view.ordered(ui, rows.collect(), ctx);
    ScrollArea::horizontal().id_salt("nodes across").show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        table(ui, view, &rows, ctx);
        keys::scroll_to_focus(ui);
    });
}

impl NodesView {
    fn ordered<'a>(&mut self, ui: &Ui, rows: Vec<Row<'a>>, ctx: &ViewContext<'_>) -> Vec<Row<'a>> {
        let mut rows = self.sort.apply(rows);
        let mut body = ui.available_rect_before_wrap();
        body.set_height(body.height().min(height(rows.len()) - BAR_HEIGHT));
        let is_resting = ui.input(|input| input.pointer.time_since_last_movement() > POINTED_AT);
        let is_pointed_at = !is_resting && ui.rect_contains_pointer(body);
        let sorting = (self.sort, ctx.state.moment());
        self.order.apply(
            &mut rows,
            (sorting, |row: &Row<'_>| row.node.name.clone()),
            is_pointed_at,
            ctx.now,
        );
        rows
    }
}

fn table(ui: &mut Ui, view: &mut NodesView, rows: &[Row<'_>], ctx: &ViewContext<'_>) {
    let room = ui.available_width() - space::M;
    let columns = columns::fitting(room / STRETCH_MIN, view.sort.column);
    let needed: f32 = columns.iter().map(|&at| COLUMNS[at].width + space::S).sum();
    let stretch = (room / needed).clamp(STRETCH_MIN, STRETCH_MAX);
    let mut table = widgets::table(ui, "nodes");
    for &at in &columns {
        table = table.column(Column::exact((COLUMNS[at].width * stretch).floor()).clip(true));
    }
    let table = table.header(space::ROW, |mut header| {
        for &at in &columns {
            header.col(|ui| view.sort.head(ui, at, &COLUMNS[at]));
        }
    });
    table.body(|body| {
        body.rows(space::ROW, rows.len(), |mut line| {
            let row = &rows[line.index()];
            let selected = ctx.selected == Some(&row.node.name);
            line.set_selected(selected);
            let mut clicked = false;
            for &at in &columns {
                line.col(|ui| clicked |= COLUMNS[at].draw(ui, row));
            }
            if clicked || line.response().clicked() {
                ctx.send(UiCommand::Select((!selected).then(|| row.node.name.clone())));
            }
        });
    });
}

impl Sort {
    fn apply(self, mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
        // The stored column may be of a version with more columns.
        let column = COLUMNS.get(self.column).unwrap_or(&COLUMNS[columns::NAME]);
        // The sort is stable: equal rows stay in the order of their names.
        rows.sort_by(|a, b| {
            let order = column.order(a, b);
            if self.descending { order.reverse() } else { order }
        });
        rows
    }

    /// Draws the head of a column; a click sorts by it.
    fn head(&mut self, ui: &mut Ui, at: usize, column: &NodeColumn) {
        let sorted = self.column == at;
        let arrow = match (sorted, self.descending) {
            (false, _) => "",
            (true, false) => " ↑",
            (true, true) => " ↓",
        };
        let color = if sorted { tokens(ui).text } else { tokens(ui).muted };
        let words = RichText::new(format!("{}{arrow}", column.head)).font(text::label());
        let button = Button::new(words.color(color)).frame(false);
        let head = if column.is_numeric() {
            right_aligned(ui, |ui| ui.add(button))
        } else {
            ui.add(button)
        };
        if head.on_hover_text(column.explained).clicked() {
            // The largest numbers are of interest first.
            let descending = if sorted { !self.descending } else { column.is_numeric() };
            *self = Self { column: at, descending };
        }
    }
}
