use eframe::egui::{Button, Grid, RichText, Ui, vec2};

use crate::{
    theme::{space, text},
    view::{UiCommand, UiCommands, keys::KEYS},
};

/// Draws the list of the keys.
pub(super) fn show(ui: &mut Ui, is_new: bool, commands: &UiCommands) {
    Grid::new("keys").num_columns(2).spacing(vec2(space::L, space::S)).show(ui, |ui| {
        for (key, effect) in KEYS {
            ui.label(RichText::new(key).font(text::strong()));
            ui.label(effect);
            ui.end_row();
        }
    });
    ui.add_space(space::L);
    let close = ui.add(Button::new("Close").min_size(vec2(88.0, 30.0)));
    if is_new {
        close.request_focus();
    }
    if close.clicked() {
        commands.push(UiCommand::CloseDialog);
    }
}
