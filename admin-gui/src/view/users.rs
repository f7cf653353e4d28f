//! Users: search, users by node, and the delivery test.

mod by_node;
mod list;
mod search;

use eframe::egui::{Panel, Ui};

use super::{ViewContext, trace, widgets::label};
use crate::{
    state::{DeliveryTest, Moment, QueryCache},
    theme,
};

/// The width of the search where there is room.
const SEARCH: f32 = 400.0;

/// Draws the search at the left. At the right: the delivery test, else the users of the chosen
/// node, else the number of users of each node.
pub(crate) fn show(
    ui: &mut Ui,
    words: &mut String,
    cache: &mut QueryCache,
    test: Option<&DeliveryTest>,
    ctx: &ViewContext<'_>,
) {
    if ctx.recording.is_some() {
        label(ui, "A recording does not contain users.");
        return;
    }
    if matches!(ctx.state.moment(), Moment::At(_)) {
        label(ui, "The display is paused. Users are still looked up live.");
    }
    if let Some(wait) = cache.refresh_user(ctx.now) {
        ui.ctx().request_repaint_after(wait);
    }
    let panel = Panel::left("find users")
        .default_size(SEARCH.min(ui.available_width() / 2.0))
        .show_separator_line(false);
    panel.frame(theme::left_panel()).show(ui, |ui| search::show(ui, words, cache, ctx));
    match (test, cache.listed().cloned()) {
        (Some(test), _) => trace::show(ui, test, ctx),
        (None, Some(node)) => list::show(ui, cache, &node, ctx),
        (None, None) => by_node::show(ui, cache, ctx),
    }
}
