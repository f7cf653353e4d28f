//! Charts over time, of the cluster and of one node.

mod axes;
mod definitions;
mod line_chart;
mod points;
mod scale;
mod stacked;
mod summary;
mod unit;

use eframe::egui::{ScrollArea, Ui};
use serde::{Deserialize, Serialize};
use trunkline_protocol::Name;

use super::{ViewContext, keys, widgets::label};
use crate::theme::space;

use definitions::{CLUSTER, Chart, NODE, RELAY};
use points::Points;
use stacked::StackedChart;

/// The spans of time that the charts can show, in minutes.
const SPANS: [u64; 4] = [1, 5, 15, 60];

/// The height of a chart, and of one in a narrow column.
const HIGH: f32 = 150.0;
const LOW: f32 = 84.0;

/// The height of the legend and the times around a chart.
const AROUND: f32 = 52.0;

/// The least width of a chart: its legend fits.
const NARROW: f32 = 380.0;

/// The least height of the strip of charts.
pub(crate) const STRIP: f32 = 200.0;

/// The span of time that charts show, and their values.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChartsView {
    minutes: u64,
    #[serde(skip)]
    cluster: Points,
    #[serde(skip)]
    node: Points,
    #[serde(skip)]
    forwarded: StackedChart,
    #[serde(skip)]
    sessions: StackedChart,
}

impl Default for ChartsView {
    fn default() -> Self {
        Self {
            minutes: 5,
            cluster: Points::default(),
            node: Points::default(),
            forwarded: StackedChart::forwarded(),
            sessions: StackedChart::sessions(),
        }
    }
}

/// Draws all charts of the cluster.
pub(crate) fn show(ui: &mut Ui, view: &mut ChartsView, ctx: &ViewContext<'_>) {
    spans(ui, &mut view.minutes, ctx);
    ui.add_space(space::S);
    view.cluster.update(ctx.state, None, view.minutes);
    view.forwarded.update(ctx, &view.cluster, view.minutes);
    view.sessions.update(ctx, &view.cluster, view.minutes);
    let columns = ((ui.available_width() / NARROW) as usize).clamp(1, 2);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for (at, row) in CLUSTER.chunks(columns).enumerate() {
            row_of(ui, (columns, HIGH), row, &view.cluster, ctx);
            ui.add_space(space::M);
            if at == 0 {
                stacked_charts(ui, view, ctx);
                ui.add_space(space::M);
            }
        }
        keys::scroll_to_focus(ui);
    });
}

fn stacked_charts(ui: &mut Ui, view: &ChartsView, ctx: &ViewContext<'_>) {
    ui.spacing_mut().item_spacing.x = space::L;
    ui.columns(2, |columns| {
        for (ui, chart) in columns.iter_mut().zip([&view.forwarded, &view.sessions]) {
            chart.show(ui, &view.cluster, HIGH, ctx);
        }
    });
}

/// Draws the first charts of the cluster side by side, in the remaining height.
pub(crate) fn strip(ui: &mut Ui, view: &mut ChartsView, ctx: &ViewContext<'_>) {
    spans(ui, &mut view.minutes, ctx);
    ui.add_space(space::S);
    view.cluster.update(ctx.state, None, view.minutes);
    let height = (ui.available_height() - AROUND).max(LOW);
    let columns = ((ui.available_width() / NARROW) as usize).clamp(1, 3);
    row_of(ui, (columns, height), &CLUSTER[..columns], &view.cluster, ctx);
}

/// Draws the charts of one node, one below the other.
pub(crate) fn node(ui: &mut Ui, view: &mut ChartsView, name: &Name, ctx: &ViewContext<'_>) {
    spans(ui, &mut view.minutes, ctx);
    view.node.update(ctx.state, Some(name), view.minutes);
    for chart in &NODE {
        ui.add_space(space::S);
        line_chart::show(ui, chart, &view.node, LOW, ctx);
    }
}

/// Draws the charts of the relay, one below the other.
pub(crate) fn relay(ui: &mut Ui, view: &mut ChartsView, ctx: &ViewContext<'_>) {
    spans(ui, &mut view.minutes, ctx);
    view.cluster.update(ctx.state, None, view.minutes);
    for chart in &RELAY {
        ui.add_space(space::S);
        line_chart::show(ui, chart, &view.cluster, LOW, ctx);
    }
}

fn spans(ui: &mut Ui, minutes: &mut u64, ctx: &ViewContext<'_>) {
    ui.horizontal(|ui| {
        label(ui, "last");
        ui.spacing_mut().item_spacing.x = space::XS;
        for span in SPANS {
            ui.selectable_value(minutes, span, format!("{span} min"));
        }
        if let (true, Some(latest_ms)) = (ctx.is_stale(), ctx.state.history().latest_ms()) {
            label(ui, format!("values as of {}", ctx.clock.seconds(latest_ms)));
        }
    });
}

fn row_of(
    ui: &mut Ui,
    (columns, height): (usize, f32),
    charts: &[Chart],
    points: &Points,
    ctx: &ViewContext<'_>,
) {
    ui.spacing_mut().item_spacing.x = space::L;
    ui.columns(columns, |columns| {
        for (ui, chart) in columns.iter_mut().zip(charts) {
            line_chart::show(ui, chart, points, height, ctx);
        }
    });
}
