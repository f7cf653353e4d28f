use std::time::Instant;

use eframe::egui::{self, CentralPanel, Panel, Ui};
use serde::{Deserialize, Serialize};

use crate::{
    connection::Connection,
    defaults::UPDATES_MAX,
    state::State,
    theme::{self, tokens},
    view::{
        header,
        nodes::{self, NodesView},
        waiting,
    },
};

/// The key that the layout is stored under.
const STORAGE_KEY: &str = "layout";

/// The window.
#[derive(Debug)]
pub struct App {
    relay: String,
    connection: Connection,
    state: State,
    layout: Layout,
}

/// How the operator has arranged the window: remembered from one run to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Layout {
    nodes: NodesView,
}

impl App {
    /// The window onto what comes through `connection`. `relay` is how its relay is called as long
    /// as it has not given its name.
    pub fn new(
        context: &eframe::CreationContext<'_>,
        relay: impl Into<String>,
        connection: Connection,
    ) -> Self {
        theme::apply(&context.egui_ctx);
        let stored = context.storage.and_then(|storage| eframe::get_value(storage, STORAGE_KEY));
        Self {
            relay: relay.into(),
            connection,
            state: State::default(),
            layout: stored.unwrap_or_default(),
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        let now = Instant::now();
        for _ in 0..UPDATES_MAX {
            let Some(update) = self.connection.poll() else { return };
            self.state.apply(update, now);
        }
        ctx.request_repaint();
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let now = Instant::now();
        let Some(picture) = self.state.picture() else {
            let frame = theme::panel(tokens(ui).ground);
            CentralPanel::default().frame(frame).show(ui, |ui| {
                waiting::show(ui, &self.relay, &self.state.reach, now);
            });
            return;
        };
        let header = Panel::top("header").frame(theme::panel(tokens(ui).raised));
        header.show_separator_line(false).show(ui, |ui| {
            header::show(ui, &self.relay, &self.state, &picture, now);
        });
        let frame = theme::panel(tokens(ui).ground);
        CentralPanel::default().frame(frame).show(ui, |ui| {
            nodes::show(ui, &mut self.layout.nodes, &picture);
        });
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, STORAGE_KEY, &self.layout);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
