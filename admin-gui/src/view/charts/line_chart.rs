use eframe::egui::Ui;
use egui_plot::Line;

use super::{
    axes::{ChartAxes, head, legend, read_at},
    definitions::Chart,
    points::Points,
};
use crate::{theme::tokens, view::ViewContext};

/// The horizontal distance between the points of a line: with a smaller one, steep lines break up.
const POINT_WIDTH: f64 = 2.0;

/// Draws a chart. A click shows the moment under the pointer.
pub(super) fn show(
    ui: &mut Ui,
    chart: &Chart,
    points: &Points,
    height: f32,
    ctx: &ViewContext<'_>,
) {
    let tokens = tokens(ui);
    let seconds = points.seconds;
    ui.vertical(|ui| {
        let at = read_at(ui, seconds, ctx);
        let beyond = head(ui, (chart.title, chart.explained), |ui| {
            for line in chart.lines {
                let value = points.value(line, at).map(|value| chart.unit.format(value));
                legend(ui, "—", (line.color)(tokens), line.name, value);
            }
        });
        let height = height - beyond;
        let axes = ChartAxes { title: chart.title, unit: chart.unit, seconds, height };
        let width_ms = (seconds.1 - seconds.0) * 1e3;
        let step_ms = (width_ms / f64::from(ui.available_width()) * POINT_WIDTH).max(1.0) as u64;
        let lines: Vec<_> =
            chart.lines.iter().map(|line| (line, points.pieces(line, step_ms))).collect();
        let values = lines.iter().flat_map(|(_, pieces)| pieces.iter().flatten().map(|at| at.y));
        let highest = values.fold(0.0, f64::max);
        axes.show(ui, highest, ctx, |plot| {
            for (line, pieces) in &lines {
                for piece in pieces {
                    let drawn = Line::new(line.name, piece.as_slice()).color((line.color)(tokens));
                    plot.line(drawn.width(1.5));
                }
            }
        });
    });
}
