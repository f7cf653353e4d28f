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
    let (headline, detail) = words(relay, state, now);
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.36);
        ui.label(RichText::new(headline).font(text::headline()).color(tokens(ui).text));
        ui.add_space(space::S);
        escaped_text::label(ui, &escape::text(detail), text::body(), tokens(ui).muted);
    });
    if let ConnectionState::Lost { retry_at, .. } = &state.connection {
        repaint_each_second(ui, *retry_at, now);
    }
}

fn words<'a>(relay: &str, state: &'a WindowState, now: Instant) -> (String, &'a str) {
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
            (missing(&format!("in {} s", seconds_until(*retry_at, now))), reason)
        }
    }
}

/// Whole seconds until a moment, rounded up.
pub(crate) fn seconds_until(moment: Instant, now: Instant) -> u64 {
    moment.saturating_duration_since(now).as_millis().div_ceil(1000) as u64
}

/// Requests a repaint for the moment at which [`seconds_until`] changes.
pub(crate) fn repaint_each_second(ui: &Ui, moment: Instant, now: Instant) {
    let left = moment.saturating_duration_since(now);
    let to_next =
        Duration::from_nanos(u64::from(left.subsec_nanos())).max(Duration::from_millis(50));
    if !left.is_zero() {
        ui.ctx().request_repaint_after(to_next);
    }
}
