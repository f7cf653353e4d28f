//! The bars that say that the window does not show what is now.

use std::time::Duration;

use eframe::egui::{Button, Color32, Frame, Label, Margin, RichText, Ui};

use super::{UiCommand, ViewContext};
use crate::{
    escape, escaped_text,
    format::{since, span},
    state::Moment,
    theme::{space, text, tokens},
};

/// Draws a bar for each reason why the values are not those of now.
pub(crate) fn show(ui: &mut Ui, ctx: &ViewContext<'_>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    if let Some(age) = ctx.stale_age() {
        stale(ui, age, ctx);
    }
    if ctx.recording.is_some() {
        recording(ui, ctx);
    } else if ctx.state.moment() != Moment::Latest {
        paused(ui, ctx);
    }
}

/// Whether there is a bar to draw.
pub(crate) fn is_shown(ctx: &ViewContext<'_>) -> bool {
    let is_past = ctx.recording.is_some() || ctx.state.moment() != Moment::Latest;
    is_past || ctx.stale_age().is_some()
}

fn stale(ui: &mut Ui, age: Duration, ctx: &ViewContext<'_>) {
    let Some(latest_ms) = ctx.state.history().latest_ms() else { return };
    ui.ctx().request_repaint_after(Duration::from_millis(1_001 - u64::from(age.subsec_millis())));
    let words = format!(
        "No data from the relay: last known values, as of {}, {} ago",
        ctx.clock.seconds(latest_ms),
        span(age)
    );
    bar(ui, tokens(ui).bad, &words, None);
}

fn paused(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let shown_ms = ctx.status.snapshot.at_ms;
    let latest_ms = ctx.state.history().latest_ms().unwrap_or(shown_ms);
    let behind = match latest_ms.saturating_sub(shown_ms) {
        0..1_000 => String::new(),
        _ => format!(", {} behind the latest", since(shown_ms, latest_ms)),
    };
    let words = format!("Paused at {}{behind}", moment(ctx));
    let live = ("Back to live", UiCommand::ShowMoment(Moment::Latest));
    if bar(ui, tokens(ui).accent, &words, Some(live.0)) {
        ctx.send(live.1);
    }
}

fn recording(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let name = escape::text(ctx.recording.unwrap_or_default());
    let words = format!("Not live: recording {name}, at {}", moment(ctx));
    if bar(ui, tokens(ui).note, &words, Some("Close recording")) {
        ctx.send(UiCommand::CloseRecording);
    }
}

/// The shown moment, with its zone.
fn moment(ctx: &ViewContext<'_>) -> String {
    let shown_ms = ctx.status.snapshot.at_ms;
    format!("{} {}", ctx.clock.millis(shown_ms), ctx.clock.zone(shown_ms))
}

/// Draws a bar; returns whether its button was clicked.
fn bar(ui: &mut Ui, fill: Color32, words: &str, button: Option<&str>) -> bool {
    let on_fill = tokens(ui).on_fill;
    let margin = Margin::symmetric(space::L as i8, space::XS as i8);
    Frame::new()
        .fill(fill)
        .inner_margin(margin)
        .show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.set_min_width(ui.available_width());
                let words =
                    escaped_text::layout_with_codes(ui, words, text::strong(), on_fill, on_fill);
                // One that could wrap would stand lower than the button.
                ui.add(Label::new(words).extend());
                button.is_some_and(|word| {
                    let word = RichText::new(word).font(text::strong());
                    ui.add_space(space::M);
                    ui.add(Button::new(word)).clicked()
                })
            })
            .inner
        })
        .inner
}
