//! Room that does not change with the digits in it.

use eframe::egui::{
    Color32, FontId, Id, InnerResponse, Response, Role, Sense, Ui, WidgetInfo, text::LayoutJob,
    vec2,
};

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

/// Draws a text on one line, in at least the width of `widest`.
pub(super) fn line(ui: &mut Ui, (widest, font): (&str, FontId), words: LayoutJob) -> Response {
    let least = text_width(ui, widest, font);
    let galley = ui.painter().layout_job(words);
    let size = vec2(galley.size().x.max(least), galley.size().y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, galley.text()));
    ui.painter().galley(rect.min, galley, Color32::PLACEHOLDER);
    response
}
