use eframe::egui::Ui;
use egui_plot::{Line, PlotPoints};

use super::{
    axes::{ChartAxes, head, legend, read_at},
    definitions::Chart,
    points::Points,
    scale::ValueScale,
    summary::{LineSummary, summary},
};
use crate::{theme::tokens, view::ViewContext};

/// The horizontal distance between the points of a line.
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
        let width_ms = (seconds.1 - seconds.0) * 1e3;
        let step_ms = (width_ms / f64::from(ui.available_width()) * POINT_WIDTH).max(1.0) as u64;
        let lines: Vec<_> =
            chart.lines.iter().map(|line| (line, points.pieces(line, step_ms))).collect();
        let places = lines.iter().flat_map(|(_, pieces)| pieces.iter().flatten());
        let scale = ValueScale::of(chart.unit, places.map(|point| point.y));
        let axes = ChartAxes { title: chart.title, scale, seconds, height, marks: &points.marks };
        let in_words = || {
            let lines = chart.lines.iter().map(|line| {
                LineSummary::of(line.name, points.value(line, at), points.values(line))
            });
            summary(chart.title, seconds, chart.unit, lines)
        };
        axes.show(ui, in_words, ctx, |plot| {
            for (line, mut pieces) in lines {
                for point in pieces.iter_mut().flatten() {
                    point.y = scale.place(point.y);
                }
                for piece in pieces {
                    let drawn = Line::new(line.name, PlotPoints::Owned(piece)).width(1.5);
                    // A band is as high as the line is wide: where it is steep, it is too thin to
                    // be seen.
                    plot.line(drawn.color((line.color)(tokens)).allow_band(false));
                }
            }
        });
    });
}
