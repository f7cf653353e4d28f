//! The bar that pauses the display and moves it back in time, and plays a recording.

mod slider;

use eframe::egui::{Button, ComboBox, Key, RichText, Ui};

use super::{UiCommand, ViewContext, keys, widgets::label};
use crate::{
    state::{Moment, SPEEDS},
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
        toggle(ui, ctx);
        if ctx.recording.is_some() {
            speed(ui, ctx);
        }
        time(ui, ctx);
        slider::show(ui, (first, last), ctx);
    });
    steps(ui, ctx);
}

/// The command of the button and of the space bar.
fn toggled(ctx: &ViewContext<'_>) -> UiCommand {
    match ctx.state.moment() {
        _ if ctx.playback.is_playing() => UiCommand::PausePlayback,
        _ if ctx.recording.is_some() => UiCommand::Play,
        Moment::Latest => UiCommand::ShowMoment(Moment::At(ctx.status.snapshot.at_ms)),
        Moment::At(_) => UiCommand::ShowMoment(Moment::Latest),
    }
}

fn toggle(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let (word, explained) = match toggled(ctx) {
        UiCommand::PausePlayback => ("Pause", "Stop at this moment. Shortcut: Space."),
        UiCommand::Play => ("Play", "Play the recording from here. Shortcut: Space."),
        UiCommand::ShowMoment(Moment::Latest) => {
            ("Resume", "Return to the latest data. Shortcut: Space.")
        }
        _ => ("Pause", "Freeze the display. New data is still recorded. Shortcut: Space."),
    };
    let button = Button::new(RichText::new(word).font(text::strong()));
    if ui.add(button.min_size([72.0, 26.0].into())).on_hover_text(explained).clicked() {
        ctx.send(toggled(ctx));
    }
}

fn speed(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let name = label(ui, "speed");
    let chosen = ctx.playback.speed();
    let list = ComboBox::from_id_salt("speed").width(64.0).selected_text(format!("{chosen}×"));
    let list = list.show_ui(ui, |ui| {
        for speed in SPEEDS {
            if ui.selectable_label(speed == chosen, format!("{speed}×")).clicked() {
                ctx.send(UiCommand::SetSpeed(speed));
            }
        }
    });
    list.response.labelled_by(name.id);
}

fn time(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let shown_ms = ctx.status.snapshot.at_ms;
    let is_past = ctx.state.moment() != Moment::Latest || ctx.recording.is_some();
    let (clock, tokens) = (ctx.clock, tokens(ui));
    let (words, color) = if is_past {
        (clock.millis(shown_ms), tokens.accent)
    } else {
        (clock.seconds(shown_ms), tokens.muted)
    };
    let words = format!("{words} {}", clock.zone(shown_ms));
    ui.label(RichText::new(words).font(text::strong()).color(color));
}

fn steps(ui: &Ui, ctx: &ViewContext<'_>) {
    if !keys::are_unused(ui.ctx()) {
        return;
    }
    let (shown, is_pressed) =
        (ctx.status.snapshot.at_ms, |key| ui.input(|input| input.key_pressed(key)));
    if is_pressed(Key::Space) {
        ctx.send(toggled(ctx));
    } else if is_pressed(Key::ArrowLeft) {
        ctx.send(UiCommand::ShowMoment(Moment::At(shown.saturating_sub(STEP_MS))));
    } else if is_pressed(Key::ArrowRight) && ctx.state.moment() != Moment::Latest {
        ctx.send(UiCommand::ShowMoment(Moment::At(shown + STEP_MS)));
    }
}
