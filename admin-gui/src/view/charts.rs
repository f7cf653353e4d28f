//! What was, over time.

mod bands;
mod plot;
mod series;

use eframe::egui::{ScrollArea, Ui};
use serde::{Deserialize, Serialize};
use trunkline_protocol::Name;

use super::{Showing, Wishes, parts::label};
use crate::theme::space;

use bands::Bands;
use series::{CLUSTER, Chart, NODE, Points};

/// The spans of time that the charts can show, in minutes.
const SPANS: [u64; 4] = [1, 5, 15, 60];

/// The height of a chart among others, and of one in a narrow column.
const HIGH: f32 = 150.0;
const LOW: f32 = 84.0;

/// What the head and the foot of a chart take.
const AROUND: f32 = 52.0;

/// The width that a chart needs for its values to fit above it.
const NARROW: f32 = 380.0;

/// What the strip of charts needs at least.
pub(crate) const STRIP: f32 = 200.0;

/// Which span the charts show, and what they are drawn from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChartsView {
    minutes: u64,
    #[serde(skip)]
    cluster: Points,
    #[serde(skip)]
    node: Points,
    #[serde(skip)]
    forwarded: Bands,
    #[serde(skip)]
    sessions: Bands,
}

impl Default for ChartsView {
    fn default() -> Self {
        Self {
            minutes: 5,
            cluster: Points::default(),
            node: Points::default(),
            forwarded: Bands::forwarded(),
            sessions: Bands::sessions(),
        }
    }
}

/// Draws every chart of the cluster.
pub(crate) fn show(ui: &mut Ui, view: &mut ChartsView, showing: &Showing<'_>, wishes: &mut Wishes) {
    spans(ui, &mut view.minutes);
    ui.add_space(space::S);
    view.cluster.update(showing.state, None, view.minutes);
    view.forwarded.update(showing, &view.cluster, view.minutes);
    view.sessions.update(showing, &view.cluster, view.minutes);
    let columns = ((ui.available_width() / NARROW) as usize).clamp(1, 2);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        bands(ui, view, showing, wishes);
        ui.add_space(space::M);
        for row in CLUSTER.chunks(columns) {
            row_of(ui, (columns, HIGH), row, &view.cluster, showing, wishes);
            ui.add_space(space::M);
        }
    });
}

/// Draws what each node had a part in, side by side.
fn bands(ui: &mut Ui, view: &ChartsView, showing: &Showing<'_>, wishes: &mut Wishes) {
    ui.spacing_mut().item_spacing.x = space::L;
    ui.columns(2, |columns| {
        for (ui, bands) in columns.iter_mut().zip([&view.forwarded, &view.sessions]) {
            bands.show(ui, view.cluster.seconds, HIGH, showing, wishes);
        }
    });
}

/// Draws the first few charts of the cluster side by side, in the height that is left.
pub(crate) fn strip(
    ui: &mut Ui,
    view: &mut ChartsView,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) {
    spans(ui, &mut view.minutes);
    ui.add_space(space::S);
    view.cluster.update(showing.state, None, view.minutes);
    let height = (ui.available_height() - AROUND).max(LOW);
    let columns = ((ui.available_width() / NARROW) as usize).clamp(1, 3);
    row_of(ui, (columns, height), &CLUSTER[..columns], &view.cluster, showing, wishes);
}

/// Draws the charts of one node, one below the other.
pub(crate) fn node(
    ui: &mut Ui,
    view: &mut ChartsView,
    name: &Name,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) {
    spans(ui, &mut view.minutes);
    view.node.update(showing.state, Some(name), view.minutes);
    for chart in &NODE {
        ui.add_space(space::S);
        plot::show(ui, chart, &view.node, LOW, showing, wishes);
    }
}

fn spans(ui: &mut Ui, minutes: &mut u64) {
    ui.horizontal(|ui| {
        label(ui, "last");
        ui.spacing_mut().item_spacing.x = space::XS;
        for span in SPANS {
            ui.selectable_value(minutes, span, format!("{span} min"));
        }
    });
}

fn row_of(
    ui: &mut Ui,
    (columns, height): (usize, f32),
    charts: &[Chart],
    points: &Points,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) {
    ui.spacing_mut().item_spacing.x = space::L;
    ui.columns(columns, |columns| {
        for (ui, chart) in columns.iter_mut().zip(charts) {
            plot::show(ui, chart, points, height, showing, wishes);
        }
    });
}
