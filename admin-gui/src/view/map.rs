//! The relay in the middle, the nodes around it.

mod glyph;
mod ring;

use eframe::egui::{Pos2, Rect, ScrollArea, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, vec2};
use trunkline_protocol::{control::MemberState, status::RedisState};

use super::{Showing, Wish, Wishes};
use crate::{
    format::rate,
    state::{ClusterStatus, Counter, Rates, Severity, check_node},
    theme::{text, tokens},
};

use glyph::Glyph;

/// Up to so many nodes, links carry their rates.
const RATES_MAX: usize = 12;

/// The room that it takes at least, for the nodes not to cover the relay.
const LEAST: Vec2 = vec2(420.0, 300.0);

/// Draws the map.
pub(crate) fn show(ui: &mut Ui, showing: &Showing<'_>, wishes: &mut Wishes) {
    ScrollArea::both().show(ui, |ui| {
        let (area, _) = ui.allocate_exact_size(ui.available_size().max(LEAST), Sense::hover());
        draw(ui, area, showing, wishes);
    });
}

fn draw(ui: &mut Ui, area: Rect, showing: &Showing<'_>, wishes: &mut Wishes) {
    let picture = showing.picture;
    let size = glyph::size(picture.snapshot.nodes.len());
    let places = ring::places(area.shrink2(size.margin()), picture.snapshot.nodes.len());
    let busiest = picture.rates.iter().map(through).fold(1.0, f64::max);
    let glyphs = picture.nodes().zip(&places).map(|((node, rates), &place)| {
        let selected = showing.selected == Some(&node.name);
        Glyph { node, rates, place, size, selected }
    });
    let (glyphs, center): (Vec<_>, _) = (glyphs.collect(), area.center());
    for glyph in &glyphs {
        link(ui, center, glyph, through(glyph.rates) / busiest);
    }
    if glyphs.len() <= RATES_MAX {
        glyphs.iter().for_each(|glyph| link_rates(ui, center, glyph));
    }
    relay(ui, center, picture);
    for glyph in &glyphs {
        if glyph.show(ui, center).clicked() {
            wishes.push(Wish::Select((!glyph.selected).then(|| glyph.node.name.clone())));
        }
    }
}

/// Messages a second that the relay passes on from and to a node.
fn through(rates: &Rates) -> f64 {
    rates[Counter::ForwardedFrom] + rates[Counter::ForwardedTo]
}

/// A link: the wider, the more goes through it; its colour tells its health.
fn link(ui: &Ui, relay: Pos2, glyph: &Glyph<'_>, share: f64) {
    let Glyph { node, rates, place, size, .. } = *glyph;
    let tokens = tokens(ui);
    let stands = matches!(node.state, MemberState::Live | MemberState::Draining);
    if !stands {
        let color = if node.state == MemberState::Suspect { tokens.warning } else { tokens.faint };
        ui.painter().extend(Shape::dashed_line(&[relay, place], Stroke::new(1.0, color), 4.0, 6.0));
        return;
    }
    let severity = check_node(node, rates).map_or(Severity::Good, |finding| finding.severity);
    let color = tokens.severity(severity).color.gamma_multiply(size.link_strength);
    let width = 1.0 + size.link_width * share.sqrt() as f32;
    ui.painter().line_segment([relay, place], Stroke::new(width, color));
}

fn link_rates(ui: &Ui, relay: Pos2, glyph: &Glyph<'_>) {
    let Glyph { node, rates, place, .. } = *glyph;
    if node.link.is_none() {
        return;
    }
    let tokens = tokens(ui);
    let words = format!(
        "{} out · {} in",
        rate(rates[Counter::ForwardedFrom]),
        rate(rates[Counter::ForwardedTo])
    );
    let galley = ui.painter().layout_no_wrap(words, text::label(), tokens.muted);
    let middle = relay.lerp(place, 0.52);
    let rect = Rect::from_center_size(middle, galley.size() + vec2(10.0, 4.0));
    ui.painter().rect_filled(rect, 4.0, tokens.ground);
    ui.painter().galley(middle - galley.size() / 2.0, galley, tokens.muted);
}

fn relay(ui: &mut Ui, center: Pos2, picture: &ClusterStatus) {
    let tokens = tokens(ui);
    let relay = &picture.snapshot.relay;
    let (mark, redis) = match relay.redis {
        RedisState::Up => (tokens.severity(Severity::Good), "up"),
        RedisState::Away { .. } => (tokens.severity(Severity::Bad), "away"),
    };
    let lines = [
        (relay.name.to_string(), text::title(), tokens.text),
        (
            format!("{} forwarded / s", rate(picture.total[Counter::Forwarded])),
            text::label(),
            tokens.muted,
        ),
        (format!("Redis {} {redis}", mark.shape), text::label(), mark.color),
    ];
    let galleys = lines.map(|(words, font, color)| ui.painter().layout_no_wrap(words, font, color));
    let width = galleys.iter().map(|galley| galley.size().x).fold(0.0, f32::max);
    let height: f32 = galleys.iter().map(|galley| galley.size().y + 2.0).sum();
    let rect = Rect::from_center_size(center, vec2(width + 32.0, height + 20.0));
    ui.painter().rect(rect, 10.0, tokens.raised, Stroke::new(1.5, tokens.line), StrokeKind::Inside);
    let mut top = rect.top() + 10.0;
    for galley in galleys {
        let size = galley.size();
        ui.painter().galley(Pos2::new(center.x - size.x / 2.0, top), galley, tokens.text);
        top += size.y + 2.0;
    }
}
