//! The map: the relay in the middle, the nodes on an ellipse around it. More nodes than have room
//! there are shown in a grid.

mod ellipse;
mod grid;
mod node;

use eframe::egui::{
    Pos2, Rect, Response, Role, ScrollArea, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    vec2,
};
use trunkline_protocol::{control::MemberState, status::RedisState};

use super::{UiCommand, ViewContext, filter::NodeFilter, keys};
use crate::{
    format::rate,
    state::{ClusterStatus, Counter, Rates, Severity, check_node},
    theme::{text, tokens},
};

use node::{MapNode, NodeSize};

/// The largest number of nodes with which links are labelled with their rates.
const RATES_MAX: usize = 12;

/// The least size of the map: in a smaller one the nodes cover the relay.
const LEAST: Vec2 = vec2(420.0, 300.0);

/// The largest number of nodes that are drawn around the relay: the labels of more would overlap.
const AROUND_MAX: usize = 24;

/// Draws the map.
pub(crate) fn show(ui: &mut Ui, filter: &mut NodeFilter, ctx: &ViewContext<'_>) {
    if ctx.status.snapshot.nodes.len() > AROUND_MAX {
        grid::show(ui, filter, ctx);
        return;
    }
    ScrollArea::both().show(ui, |ui| {
        let (area, _) = ui.allocate_exact_size(ui.available_size().max(LEAST), Sense::hover());
        draw(ui, area, ctx);
        keys::scroll_to_focus(ui);
    });
}

fn draw(ui: &mut Ui, area: Rect, ctx: &ViewContext<'_>) {
    let status = ctx.status;
    let size = NodeSize::for_nodes(status.snapshot.nodes.len());
    let places = ellipse::places(area.shrink2(size.margin()), status.snapshot.nodes.len());
    let busiest = status.rates.iter().map(through).fold(1.0, f64::max);
    let nodes = status.nodes().zip(&places).map(|((node, rates), &place)| {
        let selected = ctx.selected == Some(&node.name);
        MapNode { node, rates, place, size, selected }
    });
    let (nodes, center): (Vec<_>, _) = (nodes.collect(), area.center());
    for node in &nodes {
        link(ui, center, node, through(node.rates) / busiest);
    }
    if nodes.len() <= RATES_MAX {
        nodes.iter().for_each(|node| link_rates(ui, center, node));
    }
    if relay(ui, center, status).clicked() {
        ctx.send(UiCommand::SelectRelay);
    }
    for node in &nodes {
        if node.show(ui, center).clicked() {
            ctx.send(UiCommand::Select((!node.selected).then(|| node.node.name.clone())));
        }
    }
}

/// Messages per second that the relay forwards from and to a node.
fn through(rates: &Rates) -> f64 {
    rates[Counter::ForwardedFrom] + rates[Counter::ForwardedTo]
}

/// Draws a link: its width shows its traffic, its colour the health of the node.
fn link(ui: &Ui, relay: Pos2, node: &MapNode<'_>, share: f64) {
    let MapNode { node, rates, place, size, .. } = *node;
    let tokens = tokens(ui);
    if !matches!(node.state, MemberState::Live | MemberState::Draining) {
        let color = if node.state == MemberState::Suspect { tokens.warning } else { tokens.faint };
        ui.painter().extend(Shape::dashed_line(&[relay, place], Stroke::new(1.0, color), 4.0, 6.0));
        return;
    }
    let severity = check_node(node, rates).map_or(Severity::Good, |finding| finding.severity);
    let color = tokens.severity(severity).color.gamma_multiply(size.link_strength);
    let width = 1.0 + size.link_width * share.sqrt() as f32;
    ui.painter().line_segment([relay, place], Stroke::new(width, color));
}

fn link_rates(ui: &Ui, relay: Pos2, node: &MapNode<'_>) {
    let MapNode { node, rates, place, .. } = *node;
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

fn relay(ui: &mut Ui, center: Pos2, status: &ClusterStatus) -> Response {
    let tokens = tokens(ui);
    let relay = &status.snapshot.relay;
    let (symbol, redis) = match relay.redis {
        RedisState::Up => (tokens.severity(Severity::Good), "up"),
        RedisState::Away { .. } => (tokens.severity(Severity::Bad), "away"),
    };
    let forwarded = format!("{} forwarded / s", rate(status.total[Counter::Forwarded]));
    let lines = [
        (relay.name.to_string(), text::title(), tokens.text),
        (forwarded, text::label(), tokens.muted),
        (format!("Redis {} {redis}", symbol.shape), text::label(), symbol.color),
    ];
    let galleys = lines.map(|(words, font, color)| ui.painter().layout_no_wrap(words, font, color));
    let width = galleys.iter().map(|galley| galley.size().x).fold(0.0, f32::max);
    let height: f32 = galleys.iter().map(|galley| galley.size().y + 2.0).sum();
    let rect = Rect::from_center_size(center, vec2(width + 32.0, height + 20.0));
    let response = ui.interact(rect, ui.scope_id().with("map relay"), Sense::click());
    let words = format!("{}, details", relay.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &words));
    let is_lit = response.hovered() || response.has_focus();
    let (fill, line) =
        if is_lit { (tokens.hover, tokens.accent) } else { (tokens.raised, tokens.line) };
    ui.painter().rect(rect, 10.0, fill, Stroke::new(1.5, line), StrokeKind::Inside);
    let mut top = rect.top() + 10.0;
    for galley in galleys {
        let size = galley.size();
        ui.painter().galley(Pos2::new(center.x - size.x / 2.0, top), galley, tokens.text);
        top += size.y + 2.0;
    }
    response
}
