use eframe::egui::{Key, Ui};

use crate::view::{Wish, Wishes};

/// Adds the commands that the operator gives by key, or by dropping files on the window.
pub(super) fn take_input(ui: &Ui, wishes: &mut Wishes) {
    let dropped = ui.input(|input| input.raw.dropped_files.clone());
    wishes.extend(dropped.iter().map(|file| Wish::Open(file.path().to_owned())));
    let is_free =
        ui.memory(|memory| memory.focused().is_none() && memory.top_modal_layer().is_none());
    if is_free && ui.input(|input| input.key_pressed(Key::Escape)) {
        wishes.push(Wish::Select(None));
    }
}
