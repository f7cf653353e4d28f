//! Who is where.

mod find;
mod list;

use eframe::egui::{Panel, Ui};

use super::{Showing, Wishes, parts::label, walk};
use crate::{
    queries::DirectoryQuery,
    state::{DeliveryTest, Moment, QueryCache},
    theme,
};

/// How wide the search is where there is room.
const FIND: f32 = 400.0;

/// Draws the search on the left, and the test message or the users of one node on the right. Returns what the
/// directory must be asked for that.
pub(crate) fn show(
    ui: &mut Ui,
    words: &mut String,
    known: &mut QueryCache,
    trial: Option<&DeliveryTest>,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) -> Vec<DirectoryQuery> {
    if showing.recording.is_some() {
        label(ui, "A recording does not hold who the users were.");
        return Vec::new();
    }
    if matches!(showing.state.moment(), Moment::At(_)) {
        label(ui, "The picture is paused; users are looked up as they are now.");
    }
    let panel = Panel::left("find users")
        .default_size(FIND.min(ui.available_width() / 2.0))
        .show_separator_line(false);
    panel.frame(theme::left_panel()).show(ui, |ui| {
        find::show(ui, words, known, showing, wishes);
    });
    match trial {
        Some(trial) => {
            walk::show(ui, trial, wishes);
            Vec::new()
        }
        None => list::show(ui, known, showing, wishes),
    }
}
