//! The bar that pauses the window and takes it back in time.

use eframe::egui::{Button, Key, RichText, Slider, Ui};

use super::{Showing, Wish, Wishes, parts::label};
use crate::{
    escape, escaped_text,
    format::{clock, since},
    state::Moment,
    theme::{space, text, tokens},
};

/// How far the arrow keys go, in milliseconds.
const STEP_MS: u64 = 1_000;

/// Draws the bar.
pub(crate) fn show(ui: &mut Ui, showing: &Showing<'_>, wishes: &mut Wishes) {
    let history = showing.state.history();
    let (Some(first), Some(last)) = (history.earliest_ms(), history.latest_ms()) else { return };
    let moment = showing.state.moment();
    let shown = showing.picture.snapshot.at_ms;
    let before = wishes.len();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        pause(ui, moment, shown, wishes);
        when(ui, showing, shown, last);
        if showing.recording.is_some() && ui.button("Close the recording").clicked() {
            wishes.push(Wish::Close);
        }
        slider(ui, (first, last), shown, wishes);
    });
    if wishes.len() == before {
        keys(ui, moment, shown, wishes);
    }
}

fn pause(ui: &mut Ui, moment: Moment, shown: u64, wishes: &mut Wishes) {
    let (word, explained, next) = match moment {
        Moment::Latest => (
            "Pause",
            "Stop the picture to look at it closely; what comes is still remembered. Press space.",
            Moment::At(shown),
        ),
        Moment::At(_) => ("Resume", "Go back to the latest. Press space.", Moment::Latest),
    };
    let button = Button::new(RichText::new(word).font(text::strong()));
    if ui.add(button.min_size([72.0, 26.0].into())).on_hover_text(explained).clicked() {
        wishes.push(Wish::Show(next));
    }
}

fn when(ui: &mut Ui, showing: &Showing<'_>, shown: u64, last: u64) {
    let tokens = tokens(ui);
    let time = RichText::new(format!("{} UTC", clock(shown))).font(text::strong());
    match (showing.state.moment(), showing.recording) {
        (Moment::At(_), _) => {
            ui.label(time.color(tokens.accent));
            let words = if shown == last {
                "paused".into()
            } else {
                format!("paused, {} before the latest", since(shown, last))
            };
            ui.label(RichText::new(words).color(tokens.accent));
        }
        (Moment::Latest, None) => {
            ui.label(time.color(tokens.muted));
        }
        (Moment::Latest, Some(_)) => {
            ui.label(time.color(tokens.accent));
        }
    }
    if let Some(name) = showing.recording {
        let words = format!("recording {}", escape::text(name));
        escaped_text::label(ui, &words, text::body(), tokens.accent);
    }
}

fn slider(ui: &mut Ui, (first, last): (u64, u64), shown: u64, wishes: &mut Wishes) {
    let ago = label(ui, format!("{} ago", since(first, last)));
    let mut at = shown as f64;
    ui.spacing_mut().slider_width = (ui.available_width() - 56.0).max(60.0);
    let slider = Slider::new(&mut at, first as f64..=last.max(first + 1) as f64).show_value(false);
    let response = ui.add(slider).labelled_by(ago.id);
    if response.on_hover_text("Drag to see the whole picture as it was then").changed() {
        let at = at as u64;
        wishes.push(Wish::Show(if at >= last { Moment::Latest } else { Moment::At(at) }));
    }
    label(ui, "now");
}

fn keys(ui: &Ui, moment: Moment, shown: u64, wishes: &mut Wishes) {
    if ui.memory(|memory| memory.focused().is_some()) {
        return;
    }
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    let wish = if pressed(Key::Space) {
        let paused = matches!(moment, Moment::At(_));
        Some(if paused { Moment::Latest } else { Moment::At(shown) })
    } else if pressed(Key::ArrowLeft) {
        Some(Moment::At(shown.saturating_sub(STEP_MS)))
    } else if pressed(Key::ArrowRight) && matches!(moment, Moment::At(_)) {
        Some(Moment::At(shown + STEP_MS))
    } else {
        None
    };
    wishes.extend(wish.map(Wish::Show));
}
