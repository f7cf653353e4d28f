use std::{path::PathBuf, time::Instant};

use eframe::egui::{self, Key, Ui};
use trunkline_protocol::status::AdminCommand;

use super::App;
use crate::{
    state::{Severity, Trial},
    view::{Wish, Wishes, tabs::Tab},
};

/// What is wished by keys, and by files dropped on the window.
pub(super) fn of_the_hands(ui: &Ui, wishes: &Wishes) {
    let dropped = ui.input(|input| input.raw.dropped_files.clone());
    dropped.iter().for_each(|file| wishes.push(Wish::Open(file.path().to_owned())));
    let free = ui.memory(|memory| memory.focused().is_none() && memory.top_modal_layer().is_none());
    if free && ui.input(|input| input.key_pressed(Key::Escape)) {
        wishes.push(Wish::Select(None));
    }
}

impl App {
    /// Does what the operator wishes.
    pub(super) fn grant(&mut self, ctx: &egui::Context, wish: Wish, now: Instant) {
        match wish {
            Wish::Turn(tab) => self.layout.tab = tab,
            Wish::Select(node) => self.selected = node,
            Wish::Show(moment) => self.shown().show(moment),
            Wish::Ask(dialog) => self.dialog = Some(dialog),
            Wish::Dismiss => self.dialog = None,
            Wish::Do(action) => self.give(action, now),
            Wish::Forget => self.trial = None,
            Wish::LookUp(question) => self.ask(question),
            Wish::FindUser(user) => {
                let question = self.known.ask_user(user);
                self.ask(question);
            }
            Wish::Search(start) => {
                let question = self.known.ask_search(start);
                self.ask(question);
            }
            Wish::StopSearch => {
                let question = self.known.stop_search();
                self.ask(question);
            }
            Wish::List(life) => {
                self.known.list(Some(life));
                self.trial = None;
                self.layout.tab = Tab::Users;
            }
            Wish::Unlist => self.known.list(None),
            Wish::Save(path) => self.save_recording(path),
            Wish::Open(path) => self.jobs.open(path),
            Wish::Close => self.recording = None,
            Wish::Theme(theme) => ctx.set_theme(theme),
        }
    }

    fn save_recording(&mut self, path: PathBuf) {
        let tape = self.shown().tape();
        self.jobs.save(tape, path);
    }

    fn give(&mut self, action: AdminCommand, now: Instant) {
        let tested = match &action {
            AdminCommand::Test { user, .. } => Some(user.clone()),
            _ => None,
        };
        let command = self.orders.command(action);
        let id = command.id;
        if !self.connection.command(command)
            && let Some(words) = self.orders.answered(id)
        {
            let text = format!("{words}: the relay takes no commands now, try again");
            self.notices.say(Severity::Bad, text, now);
        } else if let Some(user) = tested {
            self.trial = Some(Trial { id, user, walk: None });
        }
    }
}
