use eframe::egui::{Key, Popup, Ui};

use crate::view::{UiCommand, UiCommands, dialogs::Dialog, keys};

/// What took the keys in the frame before. When `Esc` is seen here, a text field has already lost the
/// focus, and a menu is closed.
#[derive(Debug, Default)]
pub(super) struct KeyOwner {
    was_typing: bool,
    had_menu: bool,
}

impl KeyOwner {
    /// Adds the commands that the operator gives by key, or by dropping files on the window. `close`
    /// closes what is on top of the window, other than menus and dialogs.
    pub(super) fn take_input(&mut self, ui: &Ui, close: Option<UiCommand>, commands: &UiCommands) {
        let ctx = ui.ctx();
        let dropped = ui.input(|input| input.raw.dropped_files.clone());
        for file in dropped {
            commands.push(UiCommand::OpenRecording(file.path().to_owned()));
        }
        let before = std::mem::replace(
            self,
            Self { was_typing: ctx.text_edit_focused(), had_menu: Popup::is_any_open(ctx) },
        );
        let is_modal = ui.memory(|memory| memory.top_modal_layer().is_some());
        if is_modal || before.had_menu {
            return;
        }
        if ui.input(|input| input.modifiers.command && input.key_pressed(Key::F)) {
            keys::focus_search(ctx);
        } else if before.was_typing {
            // The keys are text, and `Esc` leaves the field.
        } else if keys::is_pressed(ctx, Key::Escape) {
            close.into_iter().for_each(|command| commands.push(command));
        } else if keys::is_pressed(ctx, Key::Slash) {
            keys::focus_search(ctx);
        } else if keys::is_pressed(ctx, Key::Questionmark) {
            commands.push(UiCommand::OpenDialog(Dialog::Keys));
        }
    }
}
