use eframe::egui::{Color32, Id, Rangef, RichText, Ui};
use egui_plot::{AxisHints, GridInput, GridMark, Line, Plot, PlotBounds, PlotPoint, PlotUi, VLine};

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
    let tokens = tokens(ui);
    let canvas = Canvas { title: chart.title, unit: chart.unit, seconds: points.seconds, height };
    ui.vertical(|ui| {
        let at = read_at(ui, points.seconds, showing);
        head(ui, (chart.title, chart.explained), |ui| {
            for line in chart.lines {
                let value = points.value(line, at).map(|value| chart.unit.format(value));
                legend(ui, "—", (line.color)(tokens), line.name, value);
            }
        });
        let lines: Vec<_> = chart
            .lines
            .iter()
            .map(|line| (line, points.pieces(line, canvas.step_ms(ui))))
            .collect();
        let values = lines.iter().flat_map(|(_, pieces)| pieces.iter().flatten().map(|at| at.y));
        let highest = values.fold(0.0, f64::max);
        canvas.show(ui, highest, showing, wishes, |plot| {
            for (line, pieces) in &lines {
                for piece in pieces {
                    let drawn = Line::new(line.name, piece.as_slice()).color((line.color)(tokens));
                    plot.line(drawn.width(1.5));
                }
            }
        });
    });
}

/// The moment whose values stand above a chart: the one that is pointed at, else the one shown.
pub(super) fn read_at(ui: &Ui, seconds: (f64, f64), showing: &Showing<'_>) -> f64 {
    pointed_at(ui).or(shown_at(showing)).unwrap_or(seconds.1)
}

fn shown_at(showing: &Showing<'_>) -> Option<f64> {
    match showing.state.moment() {
        Moment::At(at_ms) => Some(at_ms as f64 / 1e3),
        Moment::Latest => None,
    }
}

/// Draws the title, and beneath it the values at the moment that is read: a legend with figures.
pub(super) fn head(ui: &mut Ui, (title, explained): (&str, &str), values: impl FnOnce(&mut Ui)) {
    let title = RichText::new(title).font(text::strong());
    ui.label(title).on_hover_text(explained);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        values(ui);
    });
}

/// Draws the value of one line or band.
pub(super) fn legend(ui: &mut Ui, shape: &str, color: Color32, name: &str, value: Option<String>) {
    let tokens = tokens(ui);
    let value = value.unwrap_or(UNKNOWN.into());
    let words = [(shape, color), (name, tokens.muted), (&value, tokens.text)];
    ui.label(pieces(text::label(), &words));
}

/// What a chart is drawn on.
#[derive(Clone, Copy)]
pub(super) struct Canvas {
    /// The chart's title, which no other has.
    pub(super) title: &'static str,
    /// What its values are.
    pub(super) unit: Unit,
    /// From when to when, in seconds.
    pub(super) seconds: (f64, f64),
    /// How high it is.
    pub(super) height: f32,
}

impl Canvas {
    /// How far apart points are drawn, in milliseconds.
    fn step_ms(&self, ui: &Ui) -> u64 {
        let (from, to) = self.seconds;
        let step = (to - from) * 1e3 / f64::from(ui.available_width()) * POINT_WIDTH;
        (step as u64).max(1)
    }

    /// Draws axes up to `highest`, what `draw` draws, and the moment that is shown. Pressing on it
    /// goes back to that moment.
    pub(super) fn show<'a>(
        &self,
        ui: &mut Ui,
        highest: f64,
        showing: &Showing<'_>,
        wishes: &mut Wishes,
        draw: impl FnOnce(&mut PlotUi<'a>) + 'a,
    ) {
        let (from, to) = self.seconds;
        let highest = highest.max(self.unit.least()) * HEADROOM;
        let shown = shown_at(showing);
        let accent = tokens(ui).accent;
        let response = self.plot(ui).show(ui, move |plot| {
            plot.set_plot_bounds(PlotBounds::from_min_max([from, 0.0], [to, highest]));
            draw(plot);
            if let Some(at) = shown {
                plot.vline(VLine::new("shown", at).color(accent).width(1.5));
            }
            plot.pointer_coordinate()
        });
        let pointed: Option<PlotPoint> = response.inner.filter(|_| response.response.hovered());
        let Some(at) = pointed.map(|at| at.x) else { return };
        point_at(ui, at);
        if response.response.clicked() {
            wishes.push(Wish::Show(Moment::At((at * 1e3) as u64)));
        }
    }

    fn plot(&self, ui: &Ui) -> Plot<'static> {
        let tokens = tokens(ui);
        let (unit, (from, to)) = (self.unit, self.seconds);
        let axis = |hints: AxisHints<'static>| {
            hints.tick_label_color(tokens.muted).tick_label_font(text::label())
        };
        let times = axis(AxisHints::new_x()).label_spacing(TIMES);
        let values = axis(AxisHints::new_y()).formatter(move |mark, _| unit.format(mark.value));
        Plot::new(self.title)
            .height(self.height)
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
            .custom_x_axes(vec![times.formatter(move |mark, _| time(mark.value, to - from))])
            .custom_y_axes(vec![values.min_thickness(52.0)])
    }
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
