//! What stands in the window before the relay was ever reached.

use std::time::{Duration, Instant};

use eframe::egui::{RichText, Ui};

use crate::{
    escape, escaped_text,
    state::{ConnectionState, WindowState},
    theme::{space, text, tokens},
};

/// Says what is missing, what is done about it, and the mend.
pub(crate) fn show(ui: &mut Ui, relay: &str, state: &WindowState, now: Instant) {
    let (headline, detail) = words(relay, state, now);
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.36);
        ui.label(RichText::new(headline).font(text::headline()).color(tokens(ui).text));
        ui.add_space(space::S);
        escaped_text::label(ui, &escape::text(&detail), text::body(), tokens(ui).muted);
    });
    if let ConnectionState::Lost { retry_at, .. } = &state.connection {
        count_down(ui, *retry_at, now);
    }
}

fn words(relay: &str, state: &WindowState, now: Instant) -> (String, String) {
    match &state.connection {
        // The mend stays where it is read while the next dial is under way.
        ConnectionState::Dialling => match &state.refusal {
            None => (format!("Dialling the relay at {relay} …"), String::new()),
            Some(reason) => {
                let headline =
                    format!("no relay at {relay}: retrying now; start one with `just up`");
                (headline, reason.clone())
            }
        },
        ConnectionState::Connected => {
            (format!("Reached the relay at {relay}"), "its first line is awaited".into())
        }
        ConnectionState::Lost { reason, retry_at } => {
            let seconds = seconds_until(*retry_at, now);
            let headline =
                format!("no relay at {relay}: retrying in {seconds} s; start one with `just up`");
            (headline, reason.clone())
        }
    }
}

/// Whole seconds until a moment, rounded up.
pub(crate) fn seconds_until(moment: Instant, now: Instant) -> u64 {
    moment.saturating_duration_since(now).as_millis().div_ceil(1000) as u64
}

/// Draws again when the seconds that are left change.
pub(crate) fn count_down(ui: &Ui, moment: Instant, now: Instant) {
    let left = moment.saturating_duration_since(now);
    let to_next =
        Duration::from_nanos(u64::from(left.subsec_nanos())).max(Duration::from_millis(50));
    if !left.is_zero() {
        ui.ctx().request_repaint_after(to_next);
    }
}
