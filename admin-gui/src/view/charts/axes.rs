use eframe::egui::{Color32, Id, Rangef, RichText, Role, TextStyle, Ui, WidgetInfo};
use egui_plot::{AxisHints, GridMark, LineStyle, Plot, PlotBounds, PlotPoint, PlotUi, VLine};

use super::scale::{ValueScale, steps};
use crate::{
    clock::Clock,
    format::UNKNOWN,
    state::Moment,
    theme::{space, text, tokens},
    view::{
        UiCommand, ViewContext,
        event_marks::{self, EventMark},
        reserved,
        widgets::{colored_text, static_plot},
    },
};

/// The distances from which on the times beneath a chart are drawn, and drawn in full colour.
const TIMES: Rangef = Rangef { min: 38.0, max: 46.0 };

/// The same for the values at its left.
const VALUES: Rangef = Rangef { min: 10.0, max: 14.0 };

/// The opacity of the lines at events: the values are in front.
const EVENT_STRENGTH: f32 = 0.7;

/// The widest value to expect in a legend.
const WIDEST_VALUE: &str = "8,888";

/// The time, in seconds, whose values are in the legend: under the pointer, else the shown moment.
pub(super) fn read_at(ui: &Ui, seconds: (f64, f64), ctx: &ViewContext<'_>) -> f64 {
    pointed_at(ui).or(shown_at(ctx)).unwrap_or(seconds.1)
}

fn shown_at(ctx: &ViewContext<'_>) -> Option<f64> {
    match ctx.state.moment() {
        Moment::At(at_ms) => Some(at_ms as f64 / 1e3),
        Moment::Latest => None,
    }
}

/// Draws the title, and beneath it the legend with values. Returns the height of the legend beyond
/// its first line.
pub(super) fn head(
    ui: &mut Ui,
    (title, explained): (&str, &str),
    values: impl FnOnce(&mut Ui),
) -> f32 {
    let title = RichText::new(title).font(text::strong());
    ui.label(title).on_hover_text(explained);
    ui.spacing_mut().interact_size.y = ui.text_style_height(&TextStyle::Small);
    // It wraps in a narrow panel, and does not widen it.
    let legend = ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        values(ui);
    });
    let line = ui.spacing().interact_size.y + 2.0;
    (legend.response.rect.height() - line).max(0.0)
}

/// Draws an entry of the legend.
pub(super) fn legend(ui: &mut Ui, shape: &str, color: Color32, name: &str, value: Option<String>) {
    let tokens = tokens(ui);
    let value = value.unwrap_or(UNKNOWN.into());
    let words = [(shape, color), (name, tokens.muted), (&value, tokens.text)];
    // Reserved for the widest value, so that the next entries do not move with the digits.
    let widest = format!("{shape} {name} {WIDEST_VALUE}");
    let words = colored_text(text::label(), &words);
    reserved::line(ui, (&widest, text::label()), words);
}

/// The axes of a chart.
#[derive(Clone, Copy)]
pub(super) struct ChartAxes<'a> {
    /// The chart's title, which identifies the chart.
    pub(super) title: &'static str,
    /// The scale of its values.
    pub(super) scale: ValueScale,
    /// The first and the last time, in seconds.
    pub(super) seconds: (f64, f64),
    /// Its height in points.
    pub(super) height: f32,
    /// The events of that time.
    pub(super) marks: &'a [EventMark],
}

impl ChartAxes<'_> {
    /// Draws the axes, the contents by `draw`, and a line at the shown moment and at each event. A
    /// click shows the moment under the pointer, or just after the event there. A screen reader reads
    /// the `summary`.
    pub(super) fn show<'a>(
        &self,
        ui: &mut Ui,
        summary: impl Fn() -> String,
        ctx: &ViewContext<'_>,
        draw: impl FnOnce(&mut PlotUi<'a>) + 'a,
    ) {
        let ((from, to), (bottom, top)) = (self.seconds, self.scale.bounds);
        let shown = shown_at(ctx);
        let tokens = tokens(ui);
        let accent = tokens.accent;
        let marks: Vec<_> = self.marks.iter().map(|mark| (mark.at_ms, mark.severity)).collect();
        let response = self.plot(ui, ctx.clock).show(ui, move |plot| {
            plot.set_plot_bounds(PlotBounds::from_min_max([from, bottom], [to, top]));
            for (at_ms, severity) in marks {
                let line = VLine::new("event", at_ms as f64 / 1e3).width(1.0).allow_hover(false);
                let color = tokens.severity(severity).color.gamma_multiply(EVENT_STRENGTH);
                plot.vline(line.color(color).style(LineStyle::dashed_dense()));
            }
            draw(plot);
            if let Some(at) = shown {
                plot.vline(VLine::new("shown", at).color(accent).width(1.5));
            }
            plot.pointer_coordinate()
        });
        response.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, summary()));
        let pointed: Option<PlotPoint> = response.inner.filter(|_| response.response.hovered());
        let Some(at) = pointed.map(|at| at.x) else { return };
        point_at(ui, at);
        let (at_ms, mut response) = ((at * 1e3) as u64, response.response);
        let reach_ms = (to - from) * 1e3 * f64::from(event_marks::REACH / response.rect.width());
        let mark = event_marks::nearest(self.marks, at_ms, reach_ms as u64);
        if let Some(mark) = mark {
            response =
                response.on_hover_ui_at_pointer(|ui| event_marks::describe_mark(ui, mark, ctx));
        }
        if response.clicked() {
            let moment = mark.map_or(Moment::At(at_ms), |mark| ctx.state.moment_after(mark.at_ms));
            ctx.send(UiCommand::ShowMoment(moment));
        }
    }

    fn plot(&self, ui: &Ui, clock: &Clock) -> Plot<'static> {
        let tokens = tokens(ui);
        let (scale, (from, to)) = (self.scale, self.seconds);
        let clock = clock.clone();
        let axis = |hints: AxisHints<'static>| {
            hints.tick_label_color(tokens.muted).tick_label_font(text::label())
        };
        let times = axis(AxisHints::new_x()).label_spacing(TIMES);
        let values = axis(AxisHints::new_y()).label_spacing(VALUES);
        let values = values.formatter(move |mark, _| scale.words(mark.value));
        static_plot(self.title)
            .height(self.height)
            .grid_color(tokens.line)
            .cursor_color(tokens.faint)
            .label_formatter(|_| None)
            .link_cursor(cursors(), [true, false])
            .x_grid_spacer(move |_| time_marks(from, to))
            .y_grid_spacer(move |_| scale.marks())
            .custom_x_axes(vec![
                times.formatter(move |mark, _| time(&clock, mark.value, to - from)),
            ])
            .custom_y_axes(vec![values.min_thickness(52.0)])
    }
}

fn cursors() -> Id {
    Id::unique("the charts' cursor")
}

/// The time under the pointer, in any chart, in the frame before.
fn pointed_at(ui: &Ui) -> Option<f64> {
    let (pass, at) = ui.data(|data| data.get_temp::<(u64, f64)>(cursors()))?;
    (pass + 1 >= ui.ctx().cumulative_pass_nr()).then_some(at)
}

fn point_at(ui: &Ui, seconds: f64) {
    let pass = ui.ctx().cumulative_pass_nr();
    ui.data_mut(|data| data.insert_temp(cursors(), (pass, seconds)));
}

/// Marks at round times, except near the edges, where their labels would be cut.
fn time_marks(from: f64, to: f64) -> Vec<GridMark> {
    let edge = (to - from) * 0.04;
    steps(from + edge, to - edge, time_step(to - from))
}

/// The seconds between two marks of a span.
fn time_step(seconds: f64) -> f64 {
    match seconds as u64 {
        0..=60 => 15.0,
        61..=300 => 60.0,
        301..=900 => 180.0,
        _ => 900.0,
    }
}

fn time(clock: &Clock, at: f64, seconds: f64) -> String {
    let at_ms = (at * 1e3) as u64;
    if seconds <= 60.0 { clock.seconds(at_ms) } else { clock.minutes(at_ms) }
}
