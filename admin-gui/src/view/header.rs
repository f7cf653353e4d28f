//! The answer to "is it well?", and the figures that it is made of.

mod figures;
mod parties;

use eframe::egui::{Align, Label, Layout, RichText, Ui};
use trunkline_protocol::control::MemberState;

use super::{Showing, parts::label};
use crate::{
    format::plural,
    state::{Health, Picture, Reach, Severity},
    theme::{space, text, tokens},
};

/// What is left for relay, Redis and nodes, and for the number of further findings.
const PARTIES_WIDTH: f32 = 520.0;

/// The least that a finding has before it wraps.
const FINDING_WIDTH_MIN: f32 = 240.0;

/// Draws the header.
pub(crate) fn show(ui: &mut Ui, showing: &Showing<'_>) {
    ui.horizontal(|ui| {
        verdict(ui, showing);
        let from_the_right = Layout::right_to_left(Align::Center);
        ui.with_layout(from_the_right, |ui| parties::show(ui, showing));
    });
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XL;
        figures::show(ui, showing.picture);
    });
}

fn verdict(ui: &mut Ui, showing: &Showing<'_>) {
    let health = Health::of(showing.picture);
    let lost = showing.recording.is_none() && showing.state.reach != Reach::Reached;
    let (severity, word) =
        if lost { (Severity::Bad, "Relay lost") } else { (health.severity(), health.word()) };
    let mark = tokens(ui).severity(severity);
    ui.label(RichText::new(mark.shape).font(text::headline()).color(mark.color));
    ui.label(RichText::new(word).font(text::headline()).color(mark.color));
    ui.add_space(space::XS);
    if lost {
        let words = "sessions and local delivery go on without it; this is the last that is known";
        ui.label(words).on_hover_text(reason(&showing.state.reach));
    } else {
        findings(ui, &health, showing.picture);
    }
}

fn reason(reach: &Reach) -> &str {
    match reach {
        Reach::Lost { reason, .. } => reason,
        Reach::Dialling | Reach::Reached => "It is being dialled.",
    }
}

/// The worst of what was found, and the rest on demand.
fn findings(ui: &mut Ui, health: &Health, picture: &Picture) {
    let Some(worst) = health.findings.first() else {
        let live = picture.count(MemberState::Live) as u64;
        ui.label(format!("{} live, nothing is lost", plural(live, "node")));
        return;
    };
    // What Redis says may be long: it wraps, and leaves the parties their place.
    let width = (ui.available_width() - PARTIES_WIDTH).max(FINDING_WIDTH_MIN);
    let finding = |ui: &mut Ui| {
        ui.set_max_width(width);
        ui.add(Label::new(&worst.text).wrap())
    };
    let told = ui.scope(finding).inner;
    let more = health.findings.len() - 1;
    if more > 0 {
        let list = health.findings.iter().map(|finding| format!("• {}", finding.text));
        let list = list.collect::<Vec<_>>().join("\n");
        label(ui, format!("and {more} more")).on_hover_text(&list);
        told.on_hover_text(list);
    }
}
