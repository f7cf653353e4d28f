//! Message rates from node to node.

use std::collections::HashMap;

use eframe::egui::{Panel, Rangef, Role, Ui, Vec2, WidgetInfo, vec2};
use egui_extras::Column;
use egui_plot::{AxisHints, GridInput, GridMark, Heatmap, Plot, PlotBounds, PlotPoint, VPlacement};
use trunkline_protocol::Name;

use super::{
    UiCommand, ViewContext,
    widgets::{self, label, number, number_head, static_plot, text_button, title},
};
use crate::{
    format::{bytes, rate},
    state::ClusterStatus,
    theme::{self, Tokens, space, text, tokens},
};

/// The largest number of nodes with which each cell has a label.
const LABELS_MAX: usize = 16;

/// The number of flows that are listed.
const BUSIEST_MAX: usize = 50;

/// The width of the list of flows.
const BUSIEST_WIDTH: f32 = 340.0;

/// The largest size of a cell, and the room of the names around the cells.
const CELL: Vec2 = vec2(150.0, 72.0);
const NAMES: Vec2 = vec2(80.0, 24.0);

/// Draws the matrix, and beside it the list of the busiest flows.
pub(crate) fn show(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let panel = Panel::right("busiest")
        .exact_size(BUSIEST_WIDTH.min(ui.available_width() / 2.0))
        .show_separator_line(false);
    panel.frame(theme::right_panel()).show(ui, |ui| busiest(ui, ctx));
    let names: Vec<&Name> = ctx.status.snapshot.nodes.iter().map(|node| &node.name).collect();
    label(
        ui,
        "Messages per second that the relay forwards, from the node at the left to the node at \
         the top.",
    );
    ui.add_space(space::S);
    if names.is_empty() {
        label(ui, "No nodes.");
        return;
    }
    matrix(ui, &names, ctx);
}

fn matrix(ui: &mut Ui, names: &[&Name], ctx: &ViewContext<'_>) {
    let tokens = tokens(ui);
    let size = names.len();
    let values = values(ctx.status, names);
    let highest = values.iter().copied().fold(1.0, f64::max);
    let cells = Heatmap::new(values.clone(), size).palette(&tokens.heat).range(0.0, highest);
    let labelled = size <= LABELS_MAX;
    let cells = cells.show_labels(labelled).formatter(Box::new(move |value| {
        if labelled && value > 0.0 { rate(value) } else { String::new() }
    }));
    let most = CELL * size as f32 + NAMES;
    // The name of the last column may be wider than the column.
    let area = (ui.available_size() - vec2(space::L, 0.0)).min(most);
    let response = plot(names, area, tokens).show(ui, |plot| {
        plot.set_plot_bounds(PlotBounds::from_min_max([0.0, 0.0], [size as f64, size as f64]));
        plot.heatmap(cells);
        plot.pointer_coordinate()
    });
    response
        .response
        .widget_info(|| WidgetInfo::labeled(Role::Image, true, summary(names, &values)));
    let Some((from, to)) = response.inner.and_then(|at| cell_at(at, size)) else { return };
    let words = format!("{} → {}: {} / s", names[from], names[to], rate(values[from * size + to]));
    if response.response.on_hover_text_at_pointer(words).clicked() {
        ctx.send(UiCommand::Select(Some(names[from].clone())));
    }
}

/// The plot of the cells, with names at the left and at the top.
fn plot<'a>(names: &'a [&'a Name], area: Vec2, tokens: &'static Tokens) -> Plot<'a> {
    let axis = |hints: AxisHints<'a>| {
        let name = |mark: GridMark| names.get(mark.value as usize).map(ToString::to_string);
        hints
            .tick_label_color(tokens.muted)
            .tick_label_font(text::label())
            .formatter(move |mark, _| name(mark).unwrap_or_default())
    };
    // Where cells are smaller than a name, only every second or third one has its name.
    let middles = |needed: f32, length: f32| {
        let step = (needed * names.len() as f32 / length).ceil().max(1.0) as usize;
        let middle = |at| GridMark { value: at as f64 + 0.5, step_size: step as f64 };
        let marks: Vec<_> = (0..names.len()).step_by(step).map(middle).collect();
        move |_: GridInput| marks.clone()
    };
    static_plot("traffic")
        .width(area.x)
        .height(area.y)
        .show_grid(false)
        .show_x(false)
        .invert_y(true)
        .x_grid_spacer(middles(NAMES.x, area.x))
        .y_grid_spacer(middles(NAMES.y, area.y))
        .custom_x_axes(vec![axis(AxisHints::new_x()).placement(VPlacement::Top)])
        .custom_y_axes(vec![axis(AxisHints::new_y()).label_spacing(Rangef::new(14.0, 18.0))])
}

/// The matrix in words, for screen readers.
fn summary(names: &[&Name], values: &[f64]) -> String {
    let (at, most) = values.iter().zip(0..).fold((0, 0.0), |(at, most), (&value, place)| {
        if value > most { (place, value) } else { (at, most) }
    });
    let (from, to) = (names[at / names.len()], names[at % names.len()]);
    let most = match most {
        0.0 => "none are forwarded".into(),
        most => format!("at most {} from {from} to {to}", rate(most)),
    };
    format!("Chart: messages per second between {} nodes, {most}", names.len())
}

/// The row and the column of a position in the plot.
fn cell_at(at: PlotPoint, size: usize) -> Option<(usize, usize)> {
    let inside = |value: f64| (0.0..size as f64).contains(&value).then_some(value as usize);
    Some((inside(at.y)?, inside(at.x)?))
}

/// The rates of all pairs of nodes, row by row.
fn values(status: &ClusterStatus, names: &[&Name]) -> Vec<f64> {
    let places: HashMap<_, _> = names.iter().zip(0..).map(|(&name, place)| (name, place)).collect();
    let mut values = vec![0.0; names.len() * names.len()];
    for (flow, per_second) in status.flows() {
        if let (Some(from), Some(to)) = (places.get(&flow.from), places.get(&flow.to)) {
            values[from * names.len() + to] = per_second;
        }
    }
    values
}

fn busiest(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let flows = ctx.status.flows();
    let mut flows: Vec<_> = flows.filter(|&(_, per_second)| per_second > 0.0).collect();
    flows.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    flows.truncate(BUSIEST_MAX);
    title(ui, "Busiest flows");
    if flows.is_empty() {
        label(ui, "No messages are forwarded.");
        return;
    }
    widgets::table(ui, "busiest flows")
        .column(Column::remainder().clip(true))
        .column(Column::exact(56.0))
        .column(Column::exact(64.0))
        .header(space::ROW, |mut header| {
            header.col(|ui| drop(label(ui, "from → to")));
            header.col(|ui| number_head(ui, "/ s"));
            header.col(|ui| number_head(ui, "avg size"));
        })
        .body(|body| {
            body.rows(space::ROW, flows.len(), |mut row| {
                let (flow, per_second) = flows[row.index()];
                let size = flow.bytes.checked_div(flow.messages).unwrap_or(0);
                let mut clicked = false;
                let words = format!("{} → {}", flow.from, flow.to);
                row.col(|ui| clicked = text_button(ui, &words).clicked());
                row.col(|ui| number(ui, rate(per_second)));
                row.col(|ui| number(ui, bytes(size)));
                if clicked || row.response().clicked() {
                    ctx.send(UiCommand::Select(Some(flow.from.clone())));
                }
            });
        });
}
