//! Names and values one below the other.

use eframe::egui::{Color32, Label, Ui, vec2};

use super::widgets::label;
use crate::{
    escaped_text,
    theme::{space, text},
};

/// The width of the names.
const NAMES: f32 = 132.0;

/// The least height of a row.
const ROW: f32 = 18.0;

/// Draws the facts, their values in a colour. A long value wraps, and does not widen the panel.
pub(super) fn show(
    ui: &mut Ui,
    facts: impl IntoIterator<Item = (&'static str, String)>,
    color: Color32,
) {
    for (name, value) in facts {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            ui.allocate_ui(vec2(NAMES, ROW), |ui| {
                ui.set_min_size(vec2(NAMES, ROW));
                label(ui, name);
            });
            let value = escaped_text::layout(ui, &value, text::body(), color);
            ui.add(Label::new(value).selectable(true).wrap());
        });
    }
}
