use eframe::egui::{Id, Rangef, RichText, Ui};
use egui_plot::{AxisHints, GridInput, GridMark, Line, Plot, PlotBounds, PlotPoint, VLine};

use super::series::{Chart, Points, Unit};
use crate::{
    format::{UNKNOWN, clock},
    state::Moment,
    theme::{space, text, tokens},
    view::{Showing, Wish, Wishes, parts::pieces},
};

/// From how far apart on the times beneath a chart are written, and are in full colour.
const TIMES: Rangef = Rangef { min: 38.0, max: 46.0 };

/// What stands above the highest value, as a share of it.
const HEADROOM: f64 = 1.15;

/// How far apart the points of a line are, in the window's points: closer, it breaks up where it
/// is steep.
const POINT_WIDTH: f64 = 2.0;

/// Draws a chart. Pressing on it goes back to that moment.
pub(super) fn show(
    ui: &mut Ui,
    chart: &Chart,
    points: &Points,
    height: f32,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) {
    let moment = match showing.state.moment() {
        Moment::At(at_ms) => Some(at_ms as f64 / 1e3),
        Moment::Latest => None,
    };
    ui.vertical(|ui| {
        let read_at = pointed_at(ui).or(moment).unwrap_or(points.seconds.1);
        head(ui, chart, points, read_at);
        if let Some(at) = plot(ui, chart, points, height, moment) {
            wishes.push(Wish::Show(Moment::At((at * 1e3) as u64)));
        }
    });
}

/// The title, and each line's value at the moment that is read: a legend with figures.
fn head(ui: &mut Ui, chart: &Chart, points: &Points, at: f64) {
    let tokens = tokens(ui);
    let title = RichText::new(chart.title).font(text::strong());
    ui.label(title).on_hover_text(chart.explained);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        for line in chart.lines {
            let value =
                points.value(line, at).map_or(UNKNOWN.into(), |value| chart.unit.format(value));
            let color = (line.color)(tokens);
            let words = [("—", color), (line.name, tokens.muted), (&value, tokens.text)];
            ui.label(pieces(text::label(), &words));
        }
    });
}

/// Draws the lines; returns the moment that was pressed on, in seconds.
fn plot(
    ui: &mut Ui,
    chart: &Chart,
    points: &Points,
    height: f32,
    moment: Option<f64>,
) -> Option<f64> {
    let tokens = tokens(ui);
    let (from, to) = points.seconds;
    let step_ms = ((to - from) * 1e3 / f64::from(ui.available_width()) * POINT_WIDTH) as u64;
    let pieces = |line| (line, points.pieces(line, step_ms.max(1)));
    let lines: Vec<_> = chart.lines.iter().map(pieces).collect();
    let values = lines.iter().flat_map(|(_, pieces)| pieces.iter().flatten().map(|at| at.y));
    let highest = values.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let axis = |hints: AxisHints<'static>| {
        hints.tick_label_color(tokens.muted).tick_label_font(text::label())
    };
    let unit = chart.unit;
    let seconds = to - from;
    let response = Plot::new(chart.title)
        .height(height)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .allow_double_click_reset(false)
        .show_background(false)
        .grid_color(tokens.line)
        .cursor_color(tokens.faint)
        .label_formatter(|_| None)
        .show_y(false)
        .link_cursor(cursors(), [true, false])
        .x_grid_spacer(move |_| time_marks(from, to))
        .y_grid_spacer(move |input| value_marks(unit, input))
        .custom_x_axes(vec![
            axis(AxisHints::new_x())
                .label_spacing(TIMES)
                .formatter(move |mark, _| time(mark.value, seconds)),
        ])
        .custom_y_axes(vec![
            axis(AxisHints::new_y())
                .formatter(move |mark, _| unit.format(mark.value))
                .min_thickness(52.0),
        ])
        .show(ui, |plot| {
            plot.set_plot_bounds(PlotBounds::from_min_max([from, 0.0], [to, highest * HEADROOM]));
            for (line, pieces) in &lines {
                for piece in pieces {
                    let line = Line::new(line.name, piece.as_slice()).color((line.color)(tokens));
                    plot.line(line.width(1.5));
                }
            }
            if let Some(at) = moment {
                plot.vline(VLine::new("shown", at).color(tokens.accent).width(1.5));
            }
            plot.pointer_coordinate()
        });
    let pointed: Option<PlotPoint> = response.inner.filter(|_| response.response.hovered());
    if let Some(at) = pointed {
        point_at(ui, at.x);
    }
    pointed.filter(|_| response.response.clicked()).map(|at| at.x)
}

fn cursors() -> Id {
    Id::unique("the charts' cursor")
}

/// The moment that the pointer was at, on whichever chart, in the frame before.
fn pointed_at(ui: &Ui) -> Option<f64> {
    let (pass, at) = ui.data(|data| data.get_temp::<(u64, f64)>(cursors()))?;
    (pass + 1 >= ui.ctx().cumulative_pass_nr()).then_some(at)
}

fn point_at(ui: &Ui, seconds: f64) {
    let pass = ui.ctx().cumulative_pass_nr();
    ui.data_mut(|data| data.insert_temp(cursors(), (pass, seconds)));
}

/// Marks at round times, none so near the edge that its time would not fit.
fn time_marks(from: f64, to: f64) -> Vec<GridMark> {
    let edge = (to - from) * 0.04;
    marks(from + edge, to - edge, time_step(to - from))
}

/// The time between two marks of a span of time.
fn time_step(seconds: f64) -> f64 {
    match seconds as u64 {
        0..=60 => 15.0,
        61..=300 => 60.0,
        301..=900 => 180.0,
        _ => 900.0,
    }
}

fn time(at: f64, seconds: f64) -> String {
    let clock = clock((at * 1e3) as u64);
    if seconds <= 60.0 { clock } else { clock[..5].to_owned() }
}

/// A few marks at round values.
fn value_marks(unit: Unit, input: GridInput) -> Vec<GridMark> {
    let (_, highest) = input.bounds;
    marks(0.0, highest, unit.round_up(highest / 3.5))
}

fn marks(from: f64, to: f64, step: f64) -> Vec<GridMark> {
    let first = (from / step).ceil() as i64;
    let last = (to / step).floor() as i64;
    (first..=last).map(|at| GridMark { value: at as f64 * step, step_size: step }).collect()
}
