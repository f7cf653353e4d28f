mod jobs;
mod orders;
mod wishes;

use std::time::{Duration, Instant};

use eframe::{
    CreationContext, Frame, Storage,
    egui::{self, CentralPanel, Panel, Ui},
};
use serde::{Deserialize, Serialize};
use trunkline_protocol::Name;

use crate::{
    Dump, Look,
    connection::Connection,
    defaults::{COUNT_INTERVAL, UPDATES_MAX},
    lookups::{Lookups, Question},
    placement,
    state::{Answer, Known, Picture, Severity, State, Trial},
    theme::{self, tokens},
    view::{
        ViewContext, Wishes,
        charts::{self, ChartsView},
        connecting,
        dialogs::{self, Dialog},
        events::{self, EventsView},
        header, map, node_detail,
        nodes::{self, NodesView},
        notices::Notices,
        tabs::{self, Tab},
        timeline, traffic, users,
    },
    visible,
};

use jobs::{Done, Jobs};
use orders::Orders;

/// The key that the layout is stored under.
const STORAGE_KEY: &str = "layout";

/// The window.
#[derive(Debug)]
pub struct App {
    relay: String,
    connection: Connection,
    lookups: Lookups,
    live: State,
    recording: Option<Recording>,
    known: Known,
    orders: Orders,
    trial: Option<Trial>,
    jobs: Jobs,
    layout: Layout,
    selected: Option<Name>,
    user: String,
    dialog: Option<Dialog>,
    notices: Notices,
    /// Whether it was seen to that the window stands on a screen.
    is_placed: bool,
}

/// How the operator has arranged the window: remembered from one run to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Layout {
    tab: Tab,
    nodes: NodesView,
    charts: ChartsView,
    events: EventsView,
}

/// A recording that is shown in place of what comes.
#[derive(Debug)]
struct Recording {
    name: String,
    state: State,
}

impl App {
    /// The window onto what comes through `connection`, and what `lookups` are answered. `relay`
    /// is the relay's address.
    pub fn new(
        context: &CreationContext<'_>,
        relay: impl Into<String>,
        connection: Connection,
        lookups: Lookups,
    ) -> Self {
        theme::apply(&context.egui_ctx);
        let stored = context.storage.and_then(|storage| eframe::get_value(storage, STORAGE_KEY));
        Self {
            relay: relay.into(),
            connection,
            lookups,
            live: State::default(),
            recording: None,
            known: Known::default(),
            orders: Orders::default(),
            trial: None,
            jobs: Jobs::default(),
            layout: stored.unwrap_or_default(),
            selected: None,
            user: String::new(),
            dialog: None,
            notices: Notices::default(),
            is_placed: false,
        }
    }

    /// Has it look as it was asked to at its start.
    pub fn look(&mut self, ctx: &egui::Context, look: Look) {
        self.layout.tab = look.tab.unwrap_or(self.layout.tab);
        if let Some(theme) = look.theme {
            ctx.set_theme(theme);
        }
        if let Some(file) = look.dump {
            ctx.add_plugin(Dump(file));
        }
    }

    fn shown(&mut self) -> &mut State {
        self.recording.as_mut().map_or(&mut self.live, |recording| &mut recording.state)
    }

    fn take_updates(&mut self, ctx: &egui::Context, now: Instant) {
        for _ in 0..UPDATES_MAX {
            let Some(update) = self.connection.poll() else { return };
            if let Some(answer) = self.live.apply(update, now) {
                self.tell_answer(answer, now);
            }
        }
        ctx.request_repaint();
    }

    fn tell_answer(&mut self, Answer { id, error, walk }: Answer, now: Instant) {
        let Some(words) = self.orders.answered(id) else { return };
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.id == id) {
            let missing = || "this relay does not tell the walk: it is older".to_owned();
            let refused = error.map_or_else(missing, |error| visible::text(&error).into());
            trial.walk = Some(walk.map_or(Err(refused), |walk| Ok(*walk)));
            return;
        }
        match error {
            None => self.notices.say(Severity::Good, format!("{words}: done"), now),
            Some(error) => {
                self.notices.say(Severity::Bad, format!("{words}: {}", visible::text(&error)), now)
            }
        }
    }

    fn tell_done(&mut self, done: Done, now: Instant) {
        match done {
            Done::Saved(Ok(path)) => {
                self.notices.say(
                    Severity::Good,
                    format!("saved {}", visible::text(&path.display().to_string())),
                    now,
                );
            }
            Done::Opened(Ok((name, state))) => {
                self.recording = Some(Recording { name, state: *state });
            }
            Done::Saved(Err(error)) | Done::Opened(Err(error)) => {
                self.notices.say(Severity::Bad, visible::text(&error.to_string()), now);
            }
        }
    }

    fn ask(&mut self, question: Question) {
        if !self.lookups.ask(question.clone()) {
            self.known.unasked(&question);
        }
    }

    fn draw(&mut self, ui: &mut Ui, picture: &Picture, now: Instant, wishes: &Wishes) {
        // Users are looked up as they are now, whichever moment is shown.
        let latest = self.live.latest();
        let state = self.recording.as_ref().map_or(&self.live, |recording| &recording.state);
        let ctx = ViewContext {
            relay: &self.relay,
            state,
            picture,
            selected: self.selected.as_ref(),
            recording: self.recording.as_ref().map(|recording| recording.name.as_str()),
            may_act: self.recording.is_none() && self.live.may_act(),
            now,
            wishes,
        };
        let layout = &mut self.layout;
        let raised = theme::panel(tokens(ui).raised);
        Panel::top("header").frame(raised).show_separator_line(false).show(ui, |ui| {
            header::show(ui, &ctx);
            tabs::show(ui, layout.tab, &ctx);
        });
        Panel::bottom("timeline").frame(raised).show_separator_line(false).show(ui, |ui| {
            timeline::show(ui, &ctx);
        });
        if let Some(name) = ctx.selected {
            let panel = Panel::right("detail").default_size(380.0).size_range(300.0..=640.0);
            panel.frame(raised).show_separator_line(false).show(ui, |ui| {
                node_detail::show(ui, name, &mut layout.charts, &ctx);
            });
        }
        let ground = theme::panel(tokens(ui).ground);
        CentralPanel::default().frame(ground).show(ui, |ui| match layout.tab {
            Tab::Users => {
                let ctx = ViewContext { picture: latest.as_deref().unwrap_or(picture), ..ctx };
                users::show(ui, &mut self.user, &mut self.known, self.trial.as_ref(), &ctx);
            }
            tab => middle(ui, tab, layout, &ctx),
        });
        if layout.tab == Tab::Users {
            ui.ctx().request_repaint_after(COUNT_INTERVAL);
        }
    }
}

fn middle(ui: &mut Ui, tab: Tab, layout: &mut Layout, ctx: &ViewContext<'_>) {
    match tab {
        Tab::Nodes => overview(ui, layout, ctx),
        Tab::Map => map::show(ui, ctx),
        Tab::Traffic => traffic::show(ui, ctx),
        Tab::Charts => charts::show(ui, &mut layout.charts, ctx),
        Tab::Events => events::show(ui, &mut layout.events, ctx),
        Tab::Users => {}
    }
}

/// The nodes, and beneath them what they do together.
fn overview(ui: &mut Ui, layout: &mut Layout, ctx: &ViewContext<'_>) {
    let nodes = ctx.picture.snapshot.nodes.len();
    let free = ui.available_height() - nodes::height(nodes);
    // Where there is room for one of the two, it is the nodes.
    if free < charts::STRIP && ui.available_height() < charts::STRIP + nodes::height(nodes.min(3)) {
        nodes::show(ui, &mut layout.nodes, ctx);
        return;
    }
    let charts = Panel::bottom("charts").frame(theme::beneath()).show_separator_line(false);
    let charts = charts.exact_size(free.max(charts::STRIP));
    charts.show(ui, |ui| charts::strip(ui, &mut layout.charts, ctx));
    CentralPanel::no_frame().show(ui, |ui| nodes::show(ui, &mut layout.nodes, ctx));
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut Frame) {
        let now = Instant::now();
        if !std::mem::replace(&mut self.is_placed, true) {
            placement::settle(frame);
        }
        self.take_updates(ctx, now);
        while let Some(reply) = self.lookups.poll() {
            self.known.take(reply);
        }
        for done in self.jobs.done() {
            self.tell_done(done, now);
        }
        if self.jobs.running() {
            ctx.request_repaint_after(Duration::from_millis(100));
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        let now = Instant::now();
        let wishes = Wishes::default();
        match self.shown().picture() {
            Some(picture) => self.draw(ui, &picture, now, &wishes),
            None => {
                let frame = theme::panel(tokens(ui).ground);
                CentralPanel::default().frame(frame).show(ui, |ui| {
                    connecting::show(ui, &self.relay, &self.live, now);
                });
            }
        }
        if let Some(dialog) = &mut self.dialog {
            dialogs::show(ui, dialog, &wishes);
        }
        self.notices.show(ui.ctx(), now);
        wishes::of_the_hands(ui, &wishes);
        for wish in wishes.into_vec() {
            self.grant(ui.ctx(), wish, now);
        }
    }

    fn save(&mut self, storage: &mut dyn Storage) {
        eframe::set_value(storage, STORAGE_KEY, &self.layout);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
