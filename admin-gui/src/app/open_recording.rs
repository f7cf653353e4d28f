use std::time::Instant;

use eframe::egui;

use crate::{
    defaults::PLAYBACK_FRAME,
    state::{Moment, Playback, WindowState},
};

/// A recording that is shown in place of the live state.
#[derive(Debug)]
pub(super) struct OpenRecording {
    pub(super) name: String,
    pub(super) state: WindowState,
    pub(super) playback: Playback,
}

impl OpenRecording {
    /// Plays from the shown moment on, or from the start if the end is shown.
    pub(super) fn play(&mut self, now: Instant) {
        let earliest_ms = self.state.history().earliest_ms().unwrap_or(0);
        let from_ms = match self.state.moment() {
            Moment::At(at_ms) => at_ms,
            Moment::Latest => earliest_ms,
        };
        self.playback.play(from_ms, now);
    }

    /// Plays on from a moment that the operator has chosen.
    pub(super) fn seek(&mut self, moment: Moment, now: Instant) {
        match moment {
            Moment::At(at_ms) if self.playback.is_playing() => self.playback.play(at_ms, now),
            Moment::At(_) => {}
            Moment::Latest => self.playback.pause(),
        }
    }

    /// Shows the moment that is due, and wakes the window for the next snapshot.
    pub(super) fn advance(&mut self, ctx: &egui::Context, now: Instant) {
        let Some(at_ms) = self.playback.position(now) else { return };
        match self.state.history().first_from(at_ms.saturating_add(1)) {
            Some(next_ms) => {
                self.state.show(Moment::At(at_ms));
                let wait = self.playback.time_to(next_ms - at_ms);
                ctx.request_repaint_after(wait.max(PLAYBACK_FRAME));
            }
            None => {
                self.state.show(Moment::Latest);
                self.playback.pause();
            }
        }
    }
}
