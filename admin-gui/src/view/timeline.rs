//! The bar that pauses the display and moves it back in time.

use eframe::egui::{Button, Key, RichText, Slider, Ui};

use super::{UiCommand, ViewContext, keys, widgets::label};
use crate::{
    escape, escaped_text,
    format::{clock, since},
    state::Moment,
    theme::{space, text, tokens},
};

/// The step of the arrow keys, in milliseconds.
const STEP_MS: u64 = 1_000;

/// Draws the bar.
pub(crate) fn show(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let history = ctx.state.history();
    let (Some(first), Some(last)) = (history.earliest_ms(), history.latest_ms()) else { return };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        pause(ui, ctx);
        time(ui, ctx, last);
        if ctx.recording.is_some() && ui.button("Close recording").clicked() {
            ctx.send(UiCommand::CloseRecording);
        }
        slider(ui, (first, last), ctx);
    });
    steps(ui, ctx);
}

/// The moment that is shown after a switch between "paused" and "live".
fn toggled(ctx: &ViewContext<'_>) -> Moment {
    match ctx.state.moment() {
        Moment::Latest => Moment::At(ctx.status.snapshot.at_ms),
        Moment::At(_) => Moment::Latest,
    }
}

fn pause(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let (word, explained) = match ctx.state.moment() {
        Moment::Latest => {
            ("Pause", "Freeze the display. New data is still recorded. Shortcut: Space.")
        }
        Moment::At(_) => ("Resume", "Return to the latest data. Shortcut: Space."),
    };
    let button = Button::new(RichText::new(word).font(text::strong()));
    if ui.add(button.min_size([72.0, 26.0].into())).on_hover_text(explained).clicked() {
        ctx.send(UiCommand::ShowMoment(toggled(ctx)));
    }
}

fn time(ui: &mut Ui, ctx: &ViewContext<'_>, last: u64) {
    let (tokens, shown) = (tokens(ui), ctx.status.snapshot.at_ms);
    let is_paused = ctx.state.moment() != Moment::Latest;
    let is_past = is_paused || ctx.recording.is_some();
    let color = if is_past { tokens.accent } else { tokens.muted };
    ui.label(RichText::new(format!("{} UTC", clock(shown))).font(text::strong()).color(color));
    if is_paused {
        let behind = match since(shown, last) {
            _ if shown == last => String::new(),
            behind => format!(", {behind} behind the latest"),
        };
        ui.label(RichText::new(format!("paused{behind}")).color(tokens.accent));
    }
    if let Some(name) = ctx.recording {
        let words = format!("recording {}", escape::text(name));
        escaped_text::label(ui, &words, text::body(), tokens.accent);
    }
}

fn slider(ui: &mut Ui, (first, last): (u64, u64), ctx: &ViewContext<'_>) {
    let ago = label(ui, format!("{} ago", since(first, last)));
    let mut at = ctx.status.snapshot.at_ms as f64;
    ui.spacing_mut().slider_width = (ui.available_width() - 56.0).max(60.0);
    let slider = Slider::new(&mut at, first as f64..=last.max(first + 1) as f64).show_value(false);
    let response = ui.add(slider).labelled_by(ago.id);
    if response.on_hover_text("Drag to show the cluster at an earlier time.").changed() {
        let at = at as u64;
        ctx.send(UiCommand::ShowMoment(if at >= last { Moment::Latest } else { Moment::At(at) }));
    }
    label(ui, "now");
}

fn steps(ui: &Ui, ctx: &ViewContext<'_>) {
    if !keys::are_unused(ui.ctx()) {
        return;
    }
    let (shown, is_pressed) =
        (ctx.status.snapshot.at_ms, |key| ui.input(|input| input.key_pressed(key)));
    if is_pressed(Key::Space) {
        ctx.send(UiCommand::ShowMoment(toggled(ctx)));
    } else if is_pressed(Key::ArrowLeft) {
        ctx.send(UiCommand::ShowMoment(Moment::At(shown.saturating_sub(STEP_MS))));
    } else if is_pressed(Key::ArrowRight) && ctx.state.moment() != Moment::Latest {
        ctx.send(UiCommand::ShowMoment(Moment::At(shown + STEP_MS)));
    }
}
