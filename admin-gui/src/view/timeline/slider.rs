use eframe::egui::{Rect, Response, Slider, Stroke, Ui, pos2, vec2};

use crate::{
    format::since,
    state::Moment,
    theme::tokens,
    view::{
        UiCommand, ViewContext,
        event_marks::{self, EventMark, event_marks},
        widgets::label,
    },
};

/// The room for the words at the end.
const END: f32 = 72.0;

/// The width of a mark for an event, and how far it reaches above and below the rail.
const MARK: f32 = 2.0;
const MARK_REACH: f32 = 8.0;

/// Draws the slider over all snapshots, with a mark for each event.
pub(super) fn show(ui: &mut Ui, (first, last): (u64, u64), ctx: &ViewContext<'_>) {
    let last = last.max(first + 1);
    let start = label(ui, start(first, last, ctx));
    let mut at = ctx.status.snapshot.at_ms as f64;
    ui.spacing_mut().slider_width = (ui.available_width() - END).max(60.0);
    let slider = Slider::new(&mut at, first as f64..=last as f64).show_value(false);
    let response = ui.add(slider).labelled_by(start.id);
    let (is_changed, is_dragged) = (response.changed(), response.dragged());
    let mark = marks(ui, &response, (first, last), ctx);
    match &mark {
        Some(mark) => {
            drop(response.on_hover_ui_at_pointer(|ui| event_marks::describe_mark(ui, mark, ctx)))
        }
        None => drop(response.on_hover_text("Drag to show the cluster at an earlier time.")),
    }
    if is_changed {
        let moment = match mark.filter(|_| !is_dragged) {
            Some(mark) => ctx.state.moment_after(mark.at_ms),
            None if at as u64 >= last => Moment::Latest,
            None => Moment::At(at as u64),
        };
        ctx.send(UiCommand::ShowMoment(moment));
    }
    label(ui, end(last, ctx));
}

fn start(first: u64, last: u64, ctx: &ViewContext<'_>) -> String {
    if is_open(ctx) { format!("{} ago", since(first, last)) } else { ctx.clock.seconds(first) }
}

fn end(last: u64, ctx: &ViewContext<'_>) -> String {
    if is_open(ctx) { "now".into() } else { ctx.clock.seconds(last) }
}

/// Whether the end of the slider is now.
fn is_open(ctx: &ViewContext<'_>) -> bool {
    ctx.recording.is_none() && ctx.stale_age().is_none()
}

/// Draws the marks; returns the one under the pointer.
fn marks(
    ui: &Ui,
    response: &Response,
    (first, last): (u64, u64),
    ctx: &ViewContext<'_>,
) -> Option<EventMark> {
    // The handle's middle does not reach the ends of the rail.
    let rail = response.rect.shrink2(vec2(response.rect.height() / 2.5, 0.0));
    let per_ms = rail.width() / (last - first) as f32;
    let step_ms = (4.0 / per_ms) as u64;
    let marks = event_marks(&ctx.state.events, (first, last), step_ms.max(1));
    let center = rail.center().y;
    for mark in &marks {
        let x = rail.left() + (mark.at_ms - first) as f32 * per_ms;
        let color = tokens(ui).severity(mark.severity).color;
        for (from, to) in [(-MARK_REACH, -4.0), (4.0, MARK_REACH)] {
            let line = [pos2(x, center + from), pos2(x, center + to)];
            ui.painter().line_segment(line, Stroke::new(MARK, color));
        }
    }
    let pointer = response.hover_pos().filter(|at| Rect::contains(&response.rect, *at))?;
    let at_ms = first + ((pointer.x - rail.left()).max(0.0) / per_ms) as u64;
    let reach_ms = (event_marks::REACH / per_ms) as u64;
    event_marks::nearest(&marks, at_ms, reach_ms).cloned()
}
