//! What became of the sends that a node has accepted.

use eframe::egui::{Color32, Grid, RichText, Ui, vec2};
use trunkline_protocol::{Outcome, status::Outcomes};

use super::widgets::{colored_number, label, number, number_head, ratio};
use crate::{
    format::{count, percent, rate},
    state::{Counter, Rates, outcome_severity},
    theme::{space, text, tokens},
};

/// The width of a column of numbers.
const NUMBER: f32 = 76.0;

/// Draws each outcome with its rate, its number since the node started, and its share of them.
pub(super) fn show(ui: &mut Ui, outcomes: &Outcomes, rates: &Rates) {
    let total = outcomes.total();
    let grid = Grid::new("outcomes").num_columns(4).spacing(vec2(space::S, space::XS));
    grid.show(ui, |ui| {
        label(ui, "outcome");
        for head in ["now / s", "since start", "share"] {
            cell(ui, |ui| number_head(ui, head));
        }
        ui.end_row();
        for outcome in Outcome::ALL {
            let sends = outcomes.of(outcome);
            let color = color(ui, outcome, sends);
            ui.label(RichText::new(outcome.as_str()).font(text::body()).color(color));
            cell(ui, |ui| number(ui, rate(rates[counter(outcome)])));
            cell(ui, |ui| colored_number(ui, count(sends), color));
            cell(ui, |ui| number(ui, percent(ratio(sends, total))));
            ui.end_row();
        }
    });
}

fn cell(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    ui.scope(|ui| {
        ui.set_width(NUMBER);
        contents(ui);
    });
}

/// The colour of an outcome that occurred: that of its severity.
fn color(ui: &Ui, outcome: Outcome, sends: u64) -> Color32 {
    let tokens = tokens(ui);
    match outcome {
        _ if sends == 0 => tokens.muted,
        Outcome::Delivered | Outcome::Offline => tokens.text,
        _ => tokens.severity(outcome_severity(outcome)).color,
    }
}

fn counter(outcome: Outcome) -> Counter {
    match outcome {
        Outcome::Delivered => Counter::Delivered,
        Outcome::Offline => Counter::Offline,
        Outcome::Busy => Counter::Busy,
        Outcome::Unreachable => Counter::Unreachable,
        Outcome::Unconfirmed => Counter::Unconfirmed,
    }
}
