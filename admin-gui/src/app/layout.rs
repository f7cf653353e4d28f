use eframe::egui::{CentralPanel, Panel, Ui};
use serde::{Deserialize, Serialize};

use crate::{
    clock::ClockZone,
    theme,
    view::{
        ViewContext,
        charts::{self, ChartsView},
        events::{self, EventsView},
        filter::NodeFilter,
        map,
        nodes::{self, NodesView},
        outcomes::{self, OutcomesSpan},
        tabs::Tab,
        traffic,
    },
};

/// How the operator has arranged the window. Stored between two runs.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct WindowLayout {
    pub(super) tab: Tab,
    pub(super) zone: ClockZone,
    nodes: NodesView,
    #[serde(skip)]
    filter: NodeFilter,
    pub(super) charts: ChartsView,
    events: EventsView,
    outcomes: OutcomesSpan,
}

impl WindowLayout {
    /// Draws the content of the tab. That of [`Tab::Users`] needs the directory's replies too, and is
    /// drawn elsewhere.
    pub(super) fn show_tab(&mut self, ui: &mut Ui, ctx: &ViewContext<'_>) {
        match self.tab {
            Tab::Nodes => self.show_overview(ui, ctx),
            Tab::Map => map::show(ui, &mut self.filter, ctx),
            Tab::Traffic => traffic::show(ui, ctx),
            Tab::Charts => charts::show(ui, &mut self.charts, ctx),
            Tab::Events => events::show(ui, &mut self.events, ctx),
            Tab::Outcomes => outcomes::show(ui, &mut self.outcomes, ctx),
            Tab::Users => {}
        }
    }

    /// The table of nodes above a strip of charts. Where only one of them fits, the table.
    fn show_overview(&mut self, ui: &mut Ui, ctx: &ViewContext<'_>) {
        let nodes = ctx.status.snapshot.nodes.len();
        let (height, free) = (ui.available_height(), ui.available_height() - nodes::height(nodes));
        if free < charts::STRIP && height < charts::STRIP + nodes::height(nodes.min(3)) {
            nodes::show(ui, &mut self.nodes, &mut self.filter, ctx);
            return;
        }
        let strip = Panel::bottom("charts").frame(theme::lower_panel()).show_separator_line(false);
        strip.exact_size(free.max(charts::STRIP)).show(ui, |ui| {
            charts::strip(ui, &mut self.charts, ctx);
        });
        CentralPanel::no_frame()
            .show(ui, |ui| nodes::show(ui, &mut self.nodes, &mut self.filter, ctx));
    }
}
