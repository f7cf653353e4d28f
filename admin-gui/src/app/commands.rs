use eframe::egui::{Key, Ui};

use crate::view::{UiCommand, UiCommands};

/// Adds the commands that the operator gives by key, or by dropping files on the window.
pub(super) fn take_input(ui: &Ui, commands: &UiCommands) {
    let dropped = ui.input(|input| input.raw.dropped_files.clone());
    for file in dropped {
        commands.push(UiCommand::OpenRecording(file.path().to_owned()));
    }
    let is_free =
        ui.memory(|memory| memory.focused().is_none() && memory.top_modal_layer().is_none());
    if is_free && ui.input(|input| input.key_pressed(Key::Escape)) {
        commands.push(UiCommand::Select(None));
    }
}
