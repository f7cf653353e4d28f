use std::f32::consts::TAU;

use eframe::egui::{
    Align2, Color32, FontId, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, Vec2,
    WidgetInfo, vec2,
};
use trunkline_protocol::{control::MemberState, status::NodeStatus};

use crate::{
    format::{count, percent, plural, rate},
    state::{Counter, Rates, is_present},
    theme::{Tokens, state_word, text, tokens},
    view::widgets::{fill_color, ratio, spoken_status},
};

/// The size at which nodes and links are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeSize {
    radius: f32,
    /// The width of the busiest link.
    pub(super) link_width: f32,
    /// The opacity of links.
    pub(super) link_strength: f32,
}

impl NodeSize {
    /// The size for a number of nodes.
    pub(super) fn for_nodes(nodes: usize) -> Self {
        match nodes {
            0..=12 => Self { radius: 24.0, link_width: 5.0, link_strength: 0.8 },
            _ => Self { radius: 16.0, link_width: 3.0, link_strength: 0.7 },
        }
    }

    /// The room around the middle of a node, for its disc and its label.
    pub(super) fn margin(self) -> Vec2 {
        vec2(64.0, self.radius + 40.0)
    }
}

/// A node on the map.
pub(super) struct MapNode<'a> {
    pub(super) node: &'a NodeStatus,
    pub(super) rates: &'a Rates,
    pub(super) place: Pos2,
    pub(super) size: NodeSize,
    pub(super) selected: bool,
}

impl MapNode<'_> {
    /// Draws the node as a button.
    pub(super) fn show(&self, ui: &mut Ui, relay: Pos2) -> Response {
        let Self { node, place, size, .. } = *self;
        let id = ui.scope_id().with(("map", node.name.as_str()));
        let rect = Rect::from_center_size(place, Vec2::splat(2.0 * size.radius + 8.0));
        let response = ui.interact(rect, id, Sense::click());
        response.widget_info(|| {
            WidgetInfo::selected(Role::Button, true, self.selected, spoken_status(node))
        });
        self.disc(ui, response.hovered() || response.has_focus());
        self.label(ui, relay);
        response.on_hover_text(tooltip(node, self.rates))
    }

    fn disc(&self, ui: &Ui, lit: bool) {
        let tokens = tokens(ui);
        let (place, radius) = (self.place, self.size.radius);
        let fill = if lit { tokens.hover } else { tokens.raised };
        let painter = ui.painter();
        if self.selected || lit {
            painter.circle_stroke(place, radius + 5.0, Stroke::new(2.0, tokens.accent));
        }
        painter.circle(place, radius, fill, Stroke::new(3.0, tokens.line));
        if is_present(self.node.state) {
            let full = ratio(self.node.load.sessions.into(), self.node.capacity.into());
            painter.add(arc(place, radius, full as f32, fill_color(ui, full)));
            let symbol = tokens.state(self.node.state);
            let font = FontId { size: radius * 0.8, ..text::body() };
            painter.text(place, Align2::CENTER_CENTER, symbol.shape, font, symbol.color);
        } else {
            self.cross(ui, tokens);
        }
    }

    fn cross(&self, ui: &Ui, tokens: &Tokens) {
        let reach = self.size.radius * 0.62;
        let stroke = Stroke::new(2.5, tokens.state(self.node.state).color);
        for reach in [vec2(reach, reach), vec2(reach, -reach)] {
            ui.painter().line_segment([self.place - reach, self.place + reach], stroke);
        }
    }

    /// Draws the label on the outer side of the node, where no link crosses it.
    fn label(&self, ui: &Ui, relay: Pos2) {
        let tokens = tokens(ui);
        let is_present = is_present(self.node.state);
        let color = if is_present { tokens.text } else { tokens.faint };
        let (name, away) = (self.node.name.as_str(), self.size.radius + 5.0);
        let (words, second) = self.second_line(tokens);
        let painter = ui.painter();
        if self.place.y < relay.y - 1.0 {
            let (anchor, at) = (Align2::CENTER_BOTTOM, self.place - vec2(0.0, away));
            let lower = painter.text(at, anchor, words, text::label(), second);
            painter.text(lower.center_top(), anchor, name, text::strong(), color);
        } else {
            let (anchor, at) = (Align2::CENTER_TOP, self.place + vec2(0.0, away));
            let upper = painter.text(at, anchor, name, text::strong(), color);
            painter.text(upper.center_bottom(), anchor, words, text::label(), second);
        }
    }

    fn second_line(&self, tokens: &Tokens) -> (String, Color32) {
        let node = self.node;
        let state = state_word(node.state);
        match (node.state, &node.purge) {
            (MemberState::Dead, Some(purge)) => {
                let removed = plural(purge.removed, "directory entry");
                let words = match purge.done_ms {
                    Some(_) => format!("dead: {removed} removed"),
                    None => "dead: its entries are being removed".into(),
                };
                (words, tokens.state(node.state).color)
            }
            (MemberState::Live, _) => {
                let words = format!("{} / {}", count(node.load.sessions.into()), node.capacity);
                (words, tokens.muted)
            }
            _ => (state.into(), tokens.state(node.state).color),
        }
    }
}

/// What a node does, in words.
pub(super) fn tooltip(node: &NodeStatus, rates: &Rates) -> String {
    if !is_present(node.state) {
        return spoken_status(node);
    }
    format!(
        "{} is {}\n{} of {} sessions\n{} accepted / s, {} delivered / s\n{} forwarded / s \
         from it, {} to it\nCPU {}",
        node.name,
        state_word(node.state),
        count(node.load.sessions.into()),
        count(node.capacity.into()),
        rate(rates[Counter::Accepted]),
        rate(rates.delivered()),
        rate(rates[Counter::ForwardedFrom]),
        rate(rates[Counter::ForwardedTo]),
        percent(rates.cpu())
    )
}

/// An arc, clockwise from the top.
fn arc(center: Pos2, radius: f32, share: f32, color: Color32) -> Shape {
    let steps = (share * 48.0).ceil().max(1.0) as usize;
    let point = |step: usize| {
        let angle = TAU * (share * step as f32 / steps as f32 - 0.25);
        center + radius * Vec2::angled(angle)
    };
    Shape::line((0..=steps).map(point).collect(), Stroke::new(3.0, color))
}
