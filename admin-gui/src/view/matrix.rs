//! Who sends how much to whom.

use std::collections::HashMap;

use eframe::egui::{Align, Layout, Panel, Rangef, RichText, Sense, Ui, Vec2, vec2};
use egui_extras::{Column, TableBuilder};
use egui_plot::{AxisHints, GridInput, GridMark, Heatmap, Plot, PlotBounds, PlotPoint, VPlacement};
use trunkline_protocol::Name;

use super::{
    Showing, Wish, Wishes,
    parts::{figure, label, right, way},
};
use crate::{
    format::{bytes, rate},
    state::ClusterStatus,
    theme::{self, Tokens, space, text, tokens},
};

/// Up to so many nodes, each cell carries its figure.
const FIGURES_MAX: usize = 16;

/// How many of the busiest flows are listed.
const BUSIEST_MAX: usize = 50;

/// How wide their list is.
const BUSIEST_WIDTH: f32 = 340.0;

/// The size of a cell at most, and what the names around the cells take.
const CELL: Vec2 = vec2(150.0, 72.0);
const NAMES: Vec2 = vec2(80.0, 24.0);

/// Draws the matrix, and beside it the busiest flows as a list.
pub(crate) fn show(ui: &mut Ui, showing: &Showing<'_>, wishes: &mut Wishes) {
    let panel = Panel::right("busiest")
        .exact_size(BUSIEST_WIDTH.min(ui.available_width() / 2.0))
        .show_separator_line(false);
    panel.frame(theme::right_panel()).show(ui, |ui| busiest(ui, showing.picture, wishes));
    let names: Vec<&Name> = showing.picture.snapshot.nodes.iter().map(|node| &node.name).collect();
    label(
        ui,
        "Messages a second that the relay passes on, from the node on the left to the node above.",
    );
    ui.add_space(space::S);
    if names.is_empty() {
        label(ui, "No node is known.");
        return;
    }
    heat_map(ui, showing.picture, &names, wishes);
}

fn heat_map(ui: &mut Ui, picture: &ClusterStatus, names: &[&Name], wishes: &mut Wishes) {
    let tokens = tokens(ui);
    let size = names.len();
    let values = values(picture, names);
    let highest = values.iter().copied().fold(1.0, f64::max);
    let cells = Heatmap::new(values.clone(), size).palette(&tokens.heat).range(0.0, highest);
    let labelled = size <= FIGURES_MAX;
    let cells = cells.show_labels(labelled).formatter(Box::new(move |value| {
        if labelled && value > 0.0 { rate(value) } else { String::new() }
    }));
    let most = CELL * size as f32 + NAMES;
    // The name of the last column may reach beyond it.
    let area = (ui.available_size() - vec2(space::L, 0.0)).min(most);
    let response = frame(names, area, tokens).show(ui, |plot| {
        plot.set_plot_bounds(PlotBounds::from_min_max([0.0, 0.0], [size as f64, size as f64]));
        plot.heatmap(cells);
        plot.pointer_coordinate()
    });
    let Some((from, to)) = response.inner.and_then(|at| cell_at(at, size)) else { return };
    let words = format!("{} → {}: {} / s", names[from], names[to], rate(values[from * size + to]));
    if response.response.on_hover_text_at_pointer(words).clicked() {
        wishes.push(Wish::Select(Some(names[from].clone())));
    }
}

/// The plot that the cells are drawn in: names at its left and top, and nothing that moves.
fn frame<'a>(names: &'a [&'a Name], area: Vec2, tokens: &'static Tokens) -> Plot<'a> {
    let axis = |hints: AxisHints<'a>| {
        let name = |mark: GridMark| names.get(mark.value as usize).map(ToString::to_string);
        hints
            .tick_label_color(tokens.muted)
            .tick_label_font(text::label())
            .formatter(move |mark, _| name(mark).unwrap_or_default())
    };
    // Where the cells are smaller than a name, only some are named.
    let middles = |needed: f32, length: f32| {
        let step = (needed * names.len() as f32 / length).ceil().max(1.0) as usize;
        let middle = |at| GridMark { value: at as f64 + 0.5, step_size: step as f64 };
        let marks: Vec<_> = (0..names.len()).step_by(step).map(middle).collect();
        move |_: GridInput| marks.clone()
    };
    Plot::new("traffic")
        .width(area.x)
        .height(area.y)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .allow_double_click_reset(false)
        .show_background(false)
        .show_grid(false)
        .show_x(false)
        .show_y(false)
        .invert_y(true)
        .x_grid_spacer(middles(NAMES.x, area.x))
        .y_grid_spacer(middles(NAMES.y, area.y))
        .custom_x_axes(vec![axis(AxisHints::new_x()).placement(VPlacement::Top)])
        .custom_y_axes(vec![axis(AxisHints::new_y()).label_spacing(Rangef::new(14.0, 18.0))])
}

/// The row and the column of a place in the plot.
fn cell_at(at: PlotPoint, size: usize) -> Option<(usize, usize)> {
    let inside = |value: f64| (0.0..size as f64).contains(&value).then_some(value as usize);
    Some((inside(at.y)?, inside(at.x)?))
}

/// The rates of all pairs, row by row.
fn values(picture: &ClusterStatus, names: &[&Name]) -> Vec<f64> {
    let places: HashMap<_, _> = names.iter().zip(0..).map(|(&name, place)| (name, place)).collect();
    let mut values = vec![0.0; names.len() * names.len()];
    for (flow, per_second) in picture.flows() {
        if let (Some(from), Some(to)) = (places.get(&flow.from), places.get(&flow.to)) {
            values[from * names.len() + to] = per_second;
        }
    }
    values
}

/// The flows with the most messages, the busiest first.
fn busiest(ui: &mut Ui, picture: &ClusterStatus, wishes: &mut Wishes) {
    let mut flows: Vec<_> = picture.flows().filter(|&(_, per_second)| per_second > 0.0).collect();
    flows.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    flows.truncate(BUSIEST_MAX);
    ui.label(RichText::new("Busiest").font(text::title()));
    if flows.is_empty() {
        label(ui, "Nothing is passed on now.");
        return;
    }
    let cells = Layout::left_to_right(Align::Center);
    TableBuilder::new(ui)
        .id_salt("busiest flows")
        .sense(Sense::CLICK)
        .cell_layout(cells)
        .column(Column::remainder().clip(true))
        .column(Column::exact(56.0))
        .column(Column::exact(64.0))
        .header(space::ROW, |mut header| {
            header.col(|ui| drop(label(ui, "from → to")));
            header.col(|ui| right(ui, |ui| drop(label(ui, "/ s"))));
            header.col(|ui| right(ui, |ui| drop(label(ui, "each"))));
        })
        .body(|body| {
            body.rows(space::ROW, flows.len(), |mut row| {
                let (flow, per_second) = flows[row.index()];
                let each = flow.bytes.checked_div(flow.messages).unwrap_or(0);
                let mut pressed = false;
                let words = format!("{} → {}", flow.from, flow.to);
                row.col(|ui| pressed = way(ui, &words).clicked());
                row.col(|ui| drop(figure(ui, rate(per_second))));
                row.col(|ui| drop(figure(ui, bytes(each))));
                if pressed || row.response().clicked() {
                    wishes.push(Wish::Select(Some(flow.from.clone())));
                }
            });
        });
}
