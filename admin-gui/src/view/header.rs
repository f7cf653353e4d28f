//! The health of the cluster in a line, and its key metrics.

mod components;
mod findings;
mod metrics;
mod sends;

use eframe::egui::{Align, Layout, RichText, ScrollArea, TextWrapMode, Ui};

use super::{ViewContext, widgets::tooltip};
use crate::{
    escape,
    state::{ClusterHealth, ConnectionState, Severity},
    theme::{space, text, tokens},
};

/// In a narrower window the components have a line of their own.
const NARROW: f32 = 760.0;

/// In a lower window the metrics are left out.
const LOW: f32 = 400.0;

/// Draws the header.
pub(crate) fn show(ui: &mut Ui, ctx: &ViewContext<'_>) {
    if ui.available_width() < NARROW {
        ui.horizontal(|ui| health(ui, ctx));
        ui.horizontal_wrapped(|ui| components::show(ui, ctx));
    } else {
        // The components are laid out first: a long finding wraps, and does not push them out.
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                components::show(ui, ctx);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.spacing_mut().item_spacing.x = space::S;
                    health(ui, ctx);
                });
            });
        });
    }
    if ui.ctx().content_rect().height() < LOW {
        ui.add_space(space::S);
        return;
    }
    sends::show(ui, ctx);
    ui.add_space(space::S);
    ScrollArea::horizontal().id_salt("metrics").show(ui, |ui| {
        // In a narrow window they scroll, and do not wrap.
        ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::XL;
            metrics::show(ui, ctx.status);
        });
    });
}

fn health(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let health = ClusterHealth::of(ctx.status);
    let is_lost = ctx.recording.is_none() && ctx.state.connection != ConnectionState::Connected;
    let (severity, word) =
        if is_lost { (Severity::Bad, "Relay lost") } else { (health.severity(), health.label()) };
    let symbol = tokens(ui).severity(severity);
    ui.label(RichText::new(symbol.shape).font(text::headline()).color(symbol.color));
    ui.label(RichText::new(word).font(text::headline()).color(symbol.color));
    ui.add_space(space::XS);
    if is_lost {
        let reason = match &ctx.state.connection {
            ConnectionState::Lost { reason, .. } => reason,
            ConnectionState::Dialling | ConnectionState::Connected => "connecting",
        };
        let reason = tooltip(ui, &escape::text(reason));
        let words = "sessions and local delivery continue; this is the last known state";
        ui.label(words).on_hover_text(reason);
    } else {
        findings::show(ui, &health, ctx);
    }
}
