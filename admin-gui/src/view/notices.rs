//! Short-lived messages about the result of a command.

use std::time::Instant;

use eframe::egui::{Align2, Area, Context, Frame, Id, Label, TextStyle, vec2};

use super::widgets::draw_symbol;
use crate::{
    defaults::NOTICE,
    escaped_text,
    state::Severity,
    theme::{space, text, tokens},
};

/// The largest width of a notice.
const WIDTH: f32 = 460.0;

/// The notices that are shown.
#[derive(Debug, Default)]
pub(crate) struct Notices(Vec<Notice>);

#[derive(Debug)]
struct Notice {
    severity: Severity,
    text: String,
    until: Instant,
}

impl Notices {
    /// Adds a notice.
    pub(crate) fn say(&mut self, severity: Severity, text: impl Into<String>, now: Instant) {
        self.0.push(Notice { severity, text: text.into(), until: now + NOTICE });
    }

    /// Draws the notices, and drops those whose time is over.
    pub(crate) fn show(&mut self, ctx: &Context, now: Instant) {
        self.0.retain(|notice| notice.until > now);
        let Some(first) = self.0.iter().map(|notice| notice.until).min() else { return };
        ctx.request_repaint_after(first - now);
        let area = Area::new(Id::unique("notices"));
        area.anchor(Align2::RIGHT_BOTTOM, vec2(-space::L, -64.0)).show(ctx, |ui| {
            for notice in &self.0 {
                Frame::popup(ui.style()).inner_margin(space::M).show(ui, |ui| {
                    ui.set_max_width(WIDTH);
                    let symbol = tokens(ui).severity(notice.severity);
                    ui.horizontal_top(|ui| {
                        draw_symbol(ui, symbol, ui.text_style_height(&TextStyle::Body));
                        let words =
                            escaped_text::layout(ui, &notice.text, text::body(), symbol.color);
                        ui.add(Label::new(words).wrap());
                    });
                });
            }
        });
    }
}
