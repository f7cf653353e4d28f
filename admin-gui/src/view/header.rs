//! The health of the cluster in a line, and its key metrics.

mod components;
mod findings;
mod metrics;
mod sends;

use eframe::egui::{Align, Layout, RichText, ScrollArea, TextWrapMode, Ui};

use super::{
    ViewContext,
    widgets::{dim_stale, tooltip},
};
use crate::{
    escape,
    state::{ClusterHealth, ConnectionState, Severity},
    theme::{space, text, tokens},
};

/// In a narrower window the components have a line of their own.
const NARROW: f32 = 760.0;

/// In windows narrower than these, the metrics stand closer to each other.
const WIDE: f32 = 1_400.0;
const MEDIUM: f32 = 1_000.0;

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
            ui.spacing_mut().item_spacing.x = match ui.ctx().content_rect().width() {
                WIDE.. => space::XL,
                MEDIUM.. => space::L,
                _ => space::M,
            };
            dim_stale(ui, ctx);
            metrics::show(ui, ctx.status);
        });
    });
}

fn health(ui: &mut Ui, ctx: &ViewContext<'_>) {
    let health = ClusterHealth::of(ctx.status);
    let (severity, word) = match (&ctx.state.connection, ctx.stale_age()) {
        (_, None) => (health.severity(), health.label()),
        (ConnectionState::Connected, Some(_)) => (Severity::Bad, "Relay silent"),
        (_, Some(_)) => (Severity::Bad, "Relay lost"),
    };
    let symbol = tokens(ui).severity(severity);
    ui.label(RichText::new(symbol.shape).font(text::headline()).color(symbol.color));
    ui.label(RichText::new(word).font(text::headline()).color(symbol.color));
    ui.add_space(space::XS);
    if ctx.stale_age().is_some() {
        let reason = ctx.state.refusal.as_deref().unwrap_or("it has stopped writing");
        let reason = tooltip(ui, &escape::text(reason));
        ui.label("how the cluster is now is not known").on_hover_text(reason);
    } else {
        findings::show(ui, &health, ctx);
    }
}
