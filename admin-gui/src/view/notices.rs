//! What became of what the operator wished: said once, and gone after a while.

use std::time::Instant;

use eframe::egui::{Align2, Area, Context, Frame, Id, vec2};

use super::parts::marked;
use crate::{
    defaults::NOTICE,
    state::Severity,
    theme::{space, tokens},
};

/// What is said now.
#[derive(Debug, Default)]
pub(crate) struct Notices(Vec<Notice>);

#[derive(Debug)]
struct Notice {
    severity: Severity,
    text: String,
    until: Instant,
}

impl Notices {
    /// Says something.
    pub(crate) fn say(&mut self, severity: Severity, text: impl Into<String>, now: Instant) {
        self.0.push(Notice { severity, text: text.into(), until: now + NOTICE });
    }

    /// Draws what is said, and forgets what was said long enough.
    pub(crate) fn show(&mut self, ctx: &Context, now: Instant) {
        self.0.retain(|notice| notice.until > now);
        let Some(first) = self.0.iter().map(|notice| notice.until).min() else { return };
        ctx.request_repaint_after(first - now);
        let area = Area::new(Id::unique("notices"));
        area.anchor(Align2::RIGHT_BOTTOM, vec2(-space::L, -64.0)).show(ctx, |ui| {
            for notice in &self.0 {
                Frame::popup(ui.style()).inner_margin(space::M).show(ui, |ui| {
                    let mark = tokens(ui).severity(notice.severity);
                    marked(ui, mark, &notice.text);
                });
            }
        });
    }
}
