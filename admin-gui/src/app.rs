mod commands;
mod file_jobs;
mod layout;
mod open_recording;
mod pending_commands;

use std::{path::PathBuf, time::Instant};

use eframe::{
    CreationContext, Frame, Storage,
    egui::{self, CentralPanel, Panel, Ui},
};
use trunkline_protocol::{Name, status::AdminCommand};

use crate::{
    AccessibilityDump, WindowOptions,
    clock::Clock,
    connection::StatusConnection,
    defaults::{COUNT_INTERVAL, FILE_JOB_CHECK_INTERVAL, UPDATES_MAX},
    escape,
    format::plural,
    placement,
    queries::QueryClient,
    state::{
        ClusterStatus, CommandAnswer, DeliveryTest, Playback, QueryCache, Severity, WindowState,
    },
    theme::{self, tokens},
    view::{
        UiCommand, UiCommands, ViewContext, banner, connecting,
        dialogs::{self, Dialog},
        header, keys, node_detail,
        notices::Notices,
        relay_detail,
        tabs::{self, Tab},
        timeline, users,
        widgets::dim_stale,
    },
};

use commands::KeyOwner;
use file_jobs::{FileJobResult, FileJobs};
use layout::WindowLayout;
use open_recording::OpenRecording;
use pending_commands::{PendingCommands, describe};

/// The key that the layout is stored under.
const STORAGE_KEY: &str = "layout";

/// The window.
#[derive(Debug)]
pub struct App {
    relay: String,
    connection: StatusConnection,
    live: WindowState,
    recording: Option<OpenRecording>,
    cache: QueryCache,
    pending: PendingCommands,
    test: Option<DeliveryTest>,
    jobs: FileJobs,
    layout: WindowLayout,
    clock: Clock,
    selected: Option<Name>,
    /// Whether the details of the relay are shown.
    is_relay_selected: bool,
    /// What is typed into the search for users.
    search: String,
    dialog: Option<Dialog>,
    keys: KeyOwner,
    notices: Notices,
    is_placed: bool,
}

impl App {
    /// The window onto the relay at `relay`, whose status stream comes through `connection`.
    pub fn new(
        context: &CreationContext<'_>,
        relay: impl Into<String>,
        connection: StatusConnection,
        queries: QueryClient,
    ) -> Self {
        theme::apply(&context.egui_ctx);
        let stored = context.storage.and_then(|storage| eframe::get_value(storage, STORAGE_KEY));
        let layout: WindowLayout = stored.unwrap_or_default();
        Self {
            relay: relay.into(),
            connection,
            live: WindowState::default(),
            recording: None,
            cache: QueryCache::new(queries),
            pending: PendingCommands::default(),
            test: None,
            jobs: FileJobs::default(),
            clock: Clock::new(layout.zone),
            layout,
            selected: None,
            is_relay_selected: false,
            search: String::new(),
            dialog: None,
            keys: KeyOwner::default(),
            notices: Notices::default(),
            is_placed: false,
        }
    }

    /// Applies the options of the command line.
    pub fn apply_options(&mut self, ctx: &egui::Context, options: WindowOptions) {
        self.layout.tab = options.tab.unwrap_or(self.layout.tab);
        if let Some(theme) = options.theme {
            ctx.set_theme(theme);
        }
        self.layout.zone = options.times.unwrap_or(self.layout.zone);
        self.clock = Clock::new(self.layout.zone);
        if let Some(file) = options.dump {
            ctx.add_plugin(AccessibilityDump(file));
        }
    }

    fn shown_state(&mut self) -> &mut WindowState {
        self.recording.as_mut().map_or(&mut self.live, |recording| &mut recording.state)
    }

    fn take_updates(&mut self, ctx: &egui::Context, now: Instant) {
        for _ in 0..UPDATES_MAX {
            let Some(update) = self.connection.poll() else { return };
            if let Some(answer) = self.live.apply(update, now) {
                self.take_answer(answer, now);
            }
        }
        // More may wait. They are left to the next frame, so that a flood does not freeze the window.
        ctx.request_repaint();
    }

    fn take_answer(&mut self, CommandAnswer { id, error, trace }: CommandAnswer, now: Instant) {
        let Some(action) = self.pending.remove(id) else { return };
        if let Some(test) = self.test.as_mut().filter(|test| test.id == id) {
            let no_trace = || "the relay sends no trace: it is older than this window".to_owned();
            let refused = error.map_or_else(no_trace, |error| escape::text(&error).into());
            test.trace = Some(trace.map_or(Err(refused), |trace| Ok(*trace)));
            return;
        }
        let command = describe(&action);
        match error {
            None => {
                let text = format!("{command}: requested{}", self.requested_of(&action, now));
                self.notices.say(Severity::Good, text, now);
            }
            Some(error) => {
                let text = format!("{command}: {}", escape::text(&error));
                self.notices.say(Severity::Bad, text, now);
            }
        }
    }

    /// The nodes that carry out a command that the relay has passed on, in words. It knows of no
    /// result: the nodes do not report one.
    fn requested_of(&mut self, action: &AdminCommand, now: Instant) -> String {
        let AdminCommand::EndUser { user } = action else { return String::new() };
        match self.cache.forget_sessions(user, now) {
            None => " of all nodes".into(),
            Some(nodes) => {
                let names: Vec<_> = nodes.iter().map(Name::as_str).collect();
                format!(" of {} ({})", plural(nodes.len() as u64, "node"), names.join(", "))
            }
        }
    }

    fn take_file_result(&mut self, result: FileJobResult, now: Instant) {
        match result {
            FileJobResult::Saved(Ok(path)) => {
                let text = format!("saved {}", escape::text(&path.display().to_string()));
                self.notices.say(Severity::Good, text, now);
            }
            FileJobResult::Opened(Ok((name, state))) => {
                let playback = Playback::default();
                self.recording = Some(OpenRecording { name, state: *state, playback });
            }
            FileJobResult::Chosen(path) => self.take_chosen(path, now),
            FileJobResult::Saved(Err(error)) | FileJobResult::Opened(Err(error)) => {
                self.notices.say(Severity::Bad, escape::text(&error.to_string()), now);
            }
        }
    }

    fn take_chosen(&mut self, path: Option<PathBuf>, now: Instant) {
        match (&mut self.dialog, path) {
            (Some(Dialog::Open(_)), Some(path)) => {
                self.dialog = None;
                self.jobs.open(path);
            }
            (Some(Dialog::Save(typed)), Some(path)) => *typed = path.display().to_string(),
            (_, Some(_)) => {}
            (_, None) => {
                let text = "no file was chosen; its path can be typed too";
                self.notices.say(Severity::Note, text, now);
            }
        }
    }

    fn send_command(&mut self, action: AdminCommand, now: Instant) {
        let tested = match &action {
            AdminCommand::Test { user, .. } => Some(user.clone()),
            _ => None,
        };
        let request = self.pending.request(action);
        let id = request.id;
        if !self.connection.command(request)
            && let Some(action) = self.pending.remove(id)
        {
            let command = describe(&action);
            let text = format!("{command}: not sent, the relay accepts no commands now; try again");
            self.notices.say(Severity::Bad, text, now);
        } else if let Some(user) = tested {
            self.test = Some(DeliveryTest { id, user, trace: None });
        }
    }

    fn apply(&mut self, ctx: &egui::Context, command: UiCommand, now: Instant) {
        match command {
            UiCommand::OpenTab(tab) => {
                self.layout.tab = tab;
                keys::forget_search(ctx);
            }
            UiCommand::Select(node) => (self.selected, self.is_relay_selected) = (node, false),
            UiCommand::SelectRelay => (self.selected, self.is_relay_selected) = (None, true),
            UiCommand::ShowMoment(moment) => {
                self.shown_state().show(moment);
                if let Some(recording) = &mut self.recording {
                    recording.seek(moment, now);
                }
            }
            UiCommand::OpenDialog(dialog) => {
                self.dialog = Some(dialog);
                keys::save_focus(ctx);
            }
            UiCommand::CloseDialog => self.dialog = None,
            UiCommand::SendToRelay(action) => self.send_command(action, now),
            UiCommand::CloseTest => self.test = None,
            UiCommand::FindUser(user) => self.cache.find_user(user),
            UiCommand::Search(prefix) => self.cache.start_search(prefix),
            UiCommand::StopSearch => self.cache.stop_search(),
            UiCommand::ListUsers(node) => {
                self.cache.list(Some(node));
                self.test = None;
                self.layout.tab = Tab::Users;
            }
            UiCommand::UnlistUsers => self.cache.list(None),
            UiCommand::SaveRecording(path) => {
                let recording = self.shown_state().recording();
                self.jobs.save(recording, path);
            }
            UiCommand::OpenRecording(path) => self.jobs.open(path),
            UiCommand::ChooseFile { save } => self.jobs.choose(save),
            UiCommand::CloseRecording => self.recording = None,
            UiCommand::Play => {
                if let Some(recording) = &mut self.recording {
                    recording.play(now);
                }
            }
            UiCommand::PausePlayback => {
                if let Some(recording) = &mut self.recording {
                    recording.playback.pause();
                }
            }
            UiCommand::SetSpeed(speed) => {
                if let Some(recording) = &mut self.recording {
                    recording.playback.set_speed(speed, now);
                }
            }
            UiCommand::SetZone(zone) => {
                self.layout.zone = zone;
                self.clock = Clock::new(zone);
            }
            UiCommand::SetTheme(theme) => ctx.set_theme(theme),
        }
    }

    /// Closes what is on top of the window, other than menus and dialogs.
    fn close_command(&self) -> Option<UiCommand> {
        let is_users = self.layout.tab == Tab::Users;
        if self.selected.is_some() || self.is_relay_selected {
            Some(UiCommand::Select(None))
        } else if is_users && self.test.is_some() {
            Some(UiCommand::CloseTest)
        } else if is_users && self.cache.listed().is_some() {
            Some(UiCommand::UnlistUsers)
        } else {
            None
        }
    }

    fn draw(&mut self, ui: &mut Ui, status: &ClusterStatus, now: Instant, commands: &UiCommands) {
        // The directory knows users as they are now, whichever moment is shown.
        let latest = self.live.latest();
        let ctx = ViewContext {
            relay: &self.relay,
            state: self.recording.as_ref().map_or(&self.live, |recording| &recording.state),
            status,
            selected: self.selected.as_ref(),
            recording: self.recording.as_ref().map(|recording| recording.name.as_str()),
            playback: self
                .recording
                .as_ref()
                .map_or(Playback::default(), |recording| recording.playback),
            clock: &self.clock,
            may_act: self.recording.is_none() && self.live.may_act(),
            now,
            commands,
        };
        let layout = &mut self.layout;
        let raised = theme::panel(tokens(ui).raised);
        Panel::top("header").frame(raised).show_separator_line(false).show(ui, |ui| {
            header::show(ui, &ctx);
            tabs::show(ui, layout.tab, &ctx);
        });
        if banner::is_shown(&ctx) {
            let frame = egui::Frame::NONE;
            Panel::top("banner").frame(frame).show_separator_line(false).show(ui, |ui| {
                banner::show(ui, &ctx);
            });
        }
        Panel::bottom("timeline").frame(raised).show_separator_line(false).show(ui, |ui| {
            timeline::show(ui, &ctx);
        });
        if ctx.selected.is_some() || self.is_relay_selected {
            let panel = Panel::right("detail").default_size(380.0).size_range(300.0..=640.0);
            panel.frame(raised).show_separator_line(false).show(ui, |ui| {
                dim_stale(ui, &ctx);
                match ctx.selected {
                    Some(name) => node_detail::show(ui, name, &mut layout.charts, &ctx),
                    None => relay_detail::show(ui, &mut layout.charts, &ctx),
                }
            });
        }
        let ground = theme::panel(tokens(ui).ground);
        CentralPanel::default().frame(ground).show(ui, |ui| {
            if layout.tab != Tab::Users {
                dim_stale(ui, &ctx);
                layout.show_tab(ui, &ctx);
                return;
            }
            ui.ctx().request_repaint_after(COUNT_INTERVAL);
            let ctx = ViewContext { status: latest.as_deref().unwrap_or(status), ..ctx };
            users::show(ui, &mut self.search, &mut self.cache, self.test.as_ref(), &ctx);
        });
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut Frame) {
        let now = Instant::now();
        if !std::mem::replace(&mut self.is_placed, true) {
            placement::move_onto_screen(frame);
        }
        self.take_updates(ctx, now);
        self.cache.update();
        if let Some(recording) = &mut self.recording {
            recording.advance(ctx, now);
        }
        for result in self.jobs.take_results() {
            self.take_file_result(result, now);
        }
        if self.jobs.is_running() {
            ctx.request_repaint_after(FILE_JOB_CHECK_INTERVAL);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        let now = Instant::now();
        let commands = UiCommands::default();
        match self.shown_state().shown() {
            Some(status) => self.draw(ui, &status, now, &commands),
            None => {
                let frame = theme::panel(tokens(ui).ground);
                CentralPanel::default().frame(frame).show(ui, |ui| {
                    connecting::show(ui, &self.relay, &self.live, now);
                });
            }
        }
        match &mut self.dialog {
            Some(dialog) => dialogs::show(ui, dialog, &commands),
            None => keys::restore_focus(ui.ctx()),
        }
        self.notices.show(ui.ctx(), now);
        self.keys.take_input(ui, self.close_command(), &commands);
        keys::outline_focus(ui);
        for command in commands.into_vec() {
            self.apply(ui.ctx(), command, now);
        }
    }

    fn save(&mut self, storage: &mut dyn Storage) {
        eframe::set_value(storage, STORAGE_KEY, &self.layout);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
