//! The screen that is shown until the relay sends its first snapshot.

use std::time::{Duration, Instant};

use eframe::egui::{RichText, Ui};

use crate::{
    escape, escaped_text,
    state::{ConnectionState, WindowState},
    theme::{space, text, tokens},
};

/// Draws what is missing, what the window does about it, and the remedy.
pub(crate) fn show(ui: &mut Ui, relay: &str, state: &WindowState, now: Instant) {
    let (headline, detail) = words(ui, relay, state, now);
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.36);
        ui.label(RichText::new(headline).font(text::headline()).color(tokens(ui).text));
        ui.add_space(space::S);
        escaped_text::label(ui, &escape::text(detail), text::body(), tokens(ui).muted);
    });
}

fn words<'a>(ui: &Ui, relay: &str, state: &'a WindowState, now: Instant) -> (String, &'a str) {
    let missing =
        |retry: &str| format!("no relay at {relay}: retrying {retry}; start one with `just up`");
    match (&state.connection, &state.refusal) {
        (ConnectionState::Dialling, None) => (format!("Connecting to the relay at {relay} …"), ""),
        // The remedy stays readable during each short attempt to connect.
        (ConnectionState::Dialling, Some(reason)) => (missing("now"), reason),
        (ConnectionState::Connected, _) => {
            (format!("Connected to the relay at {relay}"), "waiting for its first snapshot")
        }
        (ConnectionState::Lost { reason, retry_at }, _) => {
            (missing(&format!("in {} s", count_down(ui, *retry_at, now))), reason)
        }
    }
}

/// The whole seconds until a moment, rounded up. Requests a repaint when they change.
pub(crate) fn count_down(ui: &Ui, moment: Instant, now: Instant) -> u64 {
    let left = moment.saturating_duration_since(now);
    if !left.is_zero() {
        let to_next = Duration::from_nanos(left.subsec_nanos().into());
        ui.ctx().request_repaint_after(to_next.max(Duration::from_millis(50)));
    }
    left.as_millis().div_ceil(1000) as u64
}
