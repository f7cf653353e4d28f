//! Modal dialogs: confirmation of commands, and file names of recordings.

pub(crate) mod dialog;
mod keys;

use eframe::egui::{Button, Id, Key, Modal, TextEdit, Ui, vec2};
use trunkline_protocol::{Name, status::AdminCommand};

use super::{
    UiCommand, UiCommands,
    widgets::{choice, label, right_aligned},
};
use crate::{
    escape, escaped_text,
    theme::{self, space, text, tokens},
};

pub(crate) use dialog::Dialog;

/// The largest width of a dialog.
const WIDTH: f32 = 460.0;

/// The least width of a button.
const BUTTON: f32 = 88.0;

/// Draws the open dialog.
pub(crate) fn show(ui: &Ui, dialog: &mut Dialog, commands: &UiCommands) {
    let is_new = ui.memory(|memory| memory.top_modal_layer().is_none());
    let response = Modal::new(Id::unique("dialog")).frame(theme::dialog(ui)).show(ui.ctx(), |ui| {
        let most = ui.ctx().content_rect().width() - 4.0 * space::L;
        ui.set_width(WIDTH.min(most));
        match dialog {
            Dialog::Confirm { action, consequence, nodes } => {
                confirm(ui, action, (consequence, nodes), is_new, commands);
            }
            Dialog::Save(path) => {
                let words = "Saves the recorded history, up to one hour, as status lines: one \
                             JSON object per line. An existing file is replaced.";
                let command = UiCommand::SaveRecording;
                file(ui, ("Save recording", words, "Save"), path, command, is_new, commands);
            }
            Dialog::Open(path) => {
                let words = "Opens a saved recording, or the output of `just status` in a file. \
                             A file that is dropped on the window is opened too.";
                let command = UiCommand::OpenRecording;
                file(ui, ("Open recording", words, "Open"), path, command, is_new, commands);
            }
            Dialog::Keys => {
                head(ui, "Keys");
                keys::show(ui, is_new, commands);
            }
        }
    });
    if response.should_close() {
        commands.push(UiCommand::CloseDialog);
    }
}

fn confirm(
    ui: &mut Ui,
    action: &mut AdminCommand,
    (consequence, nodes): (&str, &[Name]),
    is_new: bool,
    commands: &UiCommands,
) {
    let (title, yes) = match action {
        AdminCommand::Drain { node } => (format!("Drain {node}?"), format!("Drain {node}")),
        AdminCommand::EndUser { user } => {
            let user = escape::text(user.as_str());
            (format!("Disconnect {user}?"), format!("Disconnect {user}"))
        }
        AdminCommand::Test { user, .. } => {
            let user = escape::text(user.as_str());
            (format!("Send a test message to {user}?"), "Send".into())
        }
    };
    head(ui, &title);
    escaped_text::label(ui, consequence, text::body(), tokens(ui).text);
    if let AdminCommand::Test { node, .. } = action {
        ui.add_space(space::M);
        ui.horizontal(|ui| {
            choice(ui, ("send from", "any node"), node, nodes.iter().cloned());
        });
    }
    let is_destructive = !matches!(action, AdminCommand::Test { .. });
    let first = if is_destructive { FirstFocus::Cancel } else { FirstFocus::Confirm };
    let first = if is_new { first } else { FirstFocus::None };
    if buttons(ui, Confirm { word: &yes, is_enabled: true, is_destructive, first }, commands) {
        commands.push(UiCommand::SendToRelay(action.clone()));
    }
}

/// Draws the dialog for the file of a recording.
fn file(
    ui: &mut Ui,
    (title, words, word): (&str, &str, &str),
    path: &mut String,
    command: fn(std::path::PathBuf) -> UiCommand,
    is_new: bool,
    commands: &UiCommands,
) {
    head(ui, title);
    ui.label(words);
    ui.add_space(space::M);
    let name = label(ui, "file");
    let field = ui.horizontal(|ui| {
        let width = ui.available_width() - BUTTON - space::S;
        let field = ui.add(TextEdit::singleline(path).desired_width(width));
        if ui.add(Button::new("Browse …").min_size(vec2(BUTTON, 0.0))).clicked() {
            commands.push(UiCommand::ChooseFile { save: word == "Save" });
        }
        field.labelled_by(name.id)
    });
    let field = field.inner;
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if is_new {
        field.request_focus();
    }
    let is_enabled = !path.trim().is_empty();
    let confirm = Confirm { word, is_enabled, is_destructive: false, first: FirstFocus::None };
    if buttons(ui, confirm, commands) || (entered && is_enabled) {
        commands.push(command(path.trim().into()));
        commands.push(UiCommand::CloseDialog);
    }
}

fn head(ui: &mut Ui, title: &str) {
    escaped_text::label(ui, title, text::number(), tokens(ui).text);
    ui.add_space(space::S);
}

/// The button that confirms.
struct Confirm<'a> {
    word: &'a str,
    is_enabled: bool,
    /// Whether somebody loses a session by it.
    is_destructive: bool,
    /// The button that gets the focus now.
    first: FirstFocus,
}

/// The button that `Enter` presses in a dialog that has just been opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstFocus {
    None,
    Confirm,
    Cancel,
}

/// Draws the buttons; returns whether the dialog was confirmed.
fn buttons(ui: &mut Ui, confirm: Confirm<'_>, commands: &UiCommands) -> bool {
    ui.add_space(space::L);
    let tokens = tokens(ui);
    right_aligned(ui, |ui| {
        let fill = if confirm.is_destructive { tokens.bad } else { tokens.accent };
        let on_fill = tokens.on_fill;
        let word =
            escaped_text::layout_with_codes(ui, confirm.word, text::strong(), on_fill, on_fill);
        let yes = Button::new(word).fill(fill).min_size(vec2(BUTTON, 30.0)).truncate();
        // A user's key may be long: it is truncated, so that "Cancel" keeps its room.
        let most = ui.available_width() - BUTTON - space::S;
        let yes = ui.scope(|ui| {
            ui.set_max_width(most);
            ui.add_enabled(confirm.is_enabled, yes)
        });
        let yes = yes.inner;
        let no = ui.add(Button::new("Cancel").min_size(vec2(BUTTON, 30.0)));
        match confirm.first {
            FirstFocus::None => {}
            FirstFocus::Confirm => yes.request_focus(),
            FirstFocus::Cancel => no.request_focus(),
        }
        if yes.clicked() || no.clicked() {
            commands.push(UiCommand::CloseDialog);
        }
        yes.clicked()
    })
}
