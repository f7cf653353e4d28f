//! The answer to "is it well?", and the figures that it is made of.

mod figures;
mod parties;

use eframe::egui::{Align, Label, Layout, RichText, ScrollArea, TextWrapMode, Ui};
use trunkline_protocol::control::MemberState;

use super::{
    Showing,
    parts::{hint, label},
};
use crate::{
    escape,
    format::plural,
    state::{ClusterHealth, ClusterStatus, ConnectionState, Severity},
    theme::{space, text, tokens},
};

/// Where a window is narrower than this, what the cluster is made of stands in a line of its own.
const NARROW: f32 = 760.0;

/// Where a window is lower than this, the figures give their room to what stands beneath.
const LOW: f32 = 400.0;

/// The width of the words that there is more.
const MORE: f32 = 80.0;

/// Draws the header.
pub(crate) fn show(ui: &mut Ui, showing: &Showing<'_>) {
    if ui.available_width() < NARROW {
        ui.horizontal(|ui| verdict(ui, showing));
        ui.horizontal_wrapped(|ui| parties::show(ui, showing));
    } else {
        ui.horizontal(|ui| {
            let from_the_right = Layout::right_to_left(Align::Center);
            ui.with_layout(from_the_right, |ui| {
                parties::show(ui, showing);
                let rest = Layout::left_to_right(Align::Center);
                ui.with_layout(rest, |ui| {
                    ui.spacing_mut().item_spacing.x = space::S;
                    verdict(ui, showing);
                });
            });
        });
    }
    ui.add_space(space::S);
    if ui.ctx().content_rect().height() < LOW {
        return;
    }
    ScrollArea::horizontal().id_salt("figures").show(ui, |ui| {
        // They are moved sideways, and never broken.
        ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::XL;
            figures::show(ui, showing.picture);
        });
    });
}

fn verdict(ui: &mut Ui, showing: &Showing<'_>) {
    let health = ClusterHealth::of(showing.picture);
    let lost =
        showing.recording.is_none() && showing.state.connection != ConnectionState::Connected;
    let (severity, word) =
        if lost { (Severity::Bad, "Relay lost") } else { (health.severity(), health.label()) };
    let mark = tokens(ui).severity(severity);
    ui.label(RichText::new(mark.shape).font(text::headline()).color(mark.color));
    ui.label(RichText::new(word).font(text::headline()).color(mark.color));
    ui.add_space(space::XS);
    if lost {
        let words = "sessions and local delivery go on without it; this is the last that is known";
        let reason = hint(ui, &escape::text(reason(&showing.state.connection)));
        ui.label(words).on_hover_text(reason);
    } else {
        findings(ui, &health, showing.picture);
    }
}

fn reason(reach: &ConnectionState) -> &str {
    match reach {
        ConnectionState::Lost { reason, .. } => reason,
        ConnectionState::Dialling | ConnectionState::Connected => "It is being dialled.",
    }
}

/// The worst of what was found, and the rest on demand.
fn findings(ui: &mut Ui, health: &ClusterHealth, picture: &ClusterStatus) {
    let Some(worst) = health.findings.first() else {
        let live = picture.count(MemberState::Live) as u64;
        ui.label(format!("{} live, nothing is lost", plural(live, "node")));
        return;
    };
    let more = health.findings.len() - 1;
    let room = ui.available_width() - if more > 0 { MORE } else { 0.0 };
    let told = ui.scope(|ui| {
        ui.set_max_width(room.max(MORE));
        // What Redis says may be long.
        ui.add(Label::new(&worst.text).wrap())
    });
    let told = told.inner;
    if more > 0 {
        let list = health.findings.iter().map(|finding| format!("• {}", finding.text));
        let list = list.collect::<Vec<_>>().join("\n");
        label(ui, format!("and {more} more")).on_hover_text(&list);
        told.on_hover_text(list);
    }
}
