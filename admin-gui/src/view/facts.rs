//! Names and values one below the other.

use eframe::egui::{Label, Ui, vec2};

use super::widgets::label;
use crate::{
    escaped_text,
    theme::{space, text, tokens},
};

/// The width of the names.
const NAMES: f32 = 132.0;

/// The least height of a row.
const ROW: f32 = 18.0;

/// Draws the facts. A long value wraps, and does not widen the panel.
pub(super) fn show(ui: &mut Ui, facts: impl IntoIterator<Item = (&'static str, String)>) {
    for (name, value) in facts {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            ui.allocate_ui(vec2(NAMES, ROW), |ui| {
                ui.set_min_size(vec2(NAMES, ROW));
                label(ui, name);
            });
            let value = escaped_text::layout(ui, &value, text::body(), tokens(ui).text);
            ui.add(Label::new(value).selectable(true).wrap());
        });
    }
}
