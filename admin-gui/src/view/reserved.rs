//! Room that does not change with the digits in it.

use eframe::egui::{Color32, FontId, Id, InnerResponse, Ui};

/// Draws `contents` one below the other, in at least the width of `widest`. Contents that are wider
/// keep their width from then on: what stands beside them moves once, and not with each digit.
pub(super) fn column<R>(
    ui: &mut Ui,
    id: Id,
    (widest, font): (&str, FontId),
    contents: impl FnOnce(&mut Ui) -> R,
) -> InnerResponse<R> {
    let least = text_width(ui, widest, font);
    let known = ui.data(|data| data.get_temp::<f32>(id)).unwrap_or(0.0).max(least);
    let column = ui.vertical(|ui| {
        ui.set_min_width(known);
        contents(ui)
    });
    let width = column.response.rect.width();
    if width > known {
        ui.data_mut(|data| data.insert_temp(id, width));
    }
    column
}

/// The width of a text on one line.
pub(super) fn text_width(ui: &Ui, text: &str, font: FontId) -> f32 {
    ui.painter().layout_no_wrap(text.to_owned(), font, Color32::PLACEHOLDER).size().x
}
