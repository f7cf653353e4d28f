use std::ops::Range;

use eframe::egui::{
    Align2, Rect, Response, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    pos2, vec2,
};
use trunkline_protocol::status::NodeStatus;

use super::node::tooltip;
use crate::{
    format::count,
    state::{NodeProblem, Rates, is_present},
    theme::{space, text, tokens},
    view::{
        UiCommand, ViewContext,
        filter::NodeFilter,
        widgets::{fill_color, label, node_symbol, ratio, spoken_status},
    },
};

/// The least size of a cell, and the gap between two.
const CELL: Vec2 = vec2(124.0, 46.0);
const GAP: f32 = 6.0;

/// The nodes of a large cluster, each in a cell with its name, in the order of the names: a node
/// keeps its place.
pub(super) fn show(ui: &mut Ui, filter: &mut NodeFilter, ctx: &ViewContext<'_>) {
    let nodes = filter.show(ui, ctx);
    if nodes.is_empty() {
        label(ui, "No matching nodes.");
        return;
    }
    ui.spacing_mut().item_spacing = Vec2::splat(GAP);
    let columns = ((ui.available_width() - space::M) / (CELL.x + GAP)).max(1.0) as usize;
    let rows = nodes.len().div_ceil(columns);
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, CELL.y, rows, |ui, rows| {
        let width = (ui.available_width() - space::M) / columns as f32 - GAP;
        for row in rows {
            ui.horizontal(|ui| {
                for &(node, rates) in &nodes[cells(row, columns, nodes.len())] {
                    let size = vec2(width, CELL.y);
                    let selected = ctx.selected == Some(&node.name);
                    if cell(ui, (node, rates), size, selected).clicked() {
                        ctx.send(UiCommand::Select((!selected).then(|| node.name.clone())));
                    }
                }
            });
        }
    });
}

/// The indices of the nodes in a row.
fn cells(row: usize, columns: usize, nodes: usize) -> Range<usize> {
    row * columns..nodes.min((row + 1) * columns)
}

fn cell(
    ui: &mut Ui,
    (node, rates): (&NodeStatus, &Rates),
    size: Vec2,
    is_selected: bool,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let widget = || WidgetInfo::selected(Role::Button, true, is_selected, spoken_status(node));
    response.widget_info(widget);
    let tokens = tokens(ui);
    let is_lit = response.hovered() || response.has_focus();
    let (symbol, word) = node_symbol(tokens, node, rates);
    let fill = if is_lit { tokens.hover } else { tokens.raised };
    let outline = match NodeProblem::of(node, rates) {
        _ if is_selected || response.has_focus() => Stroke::new(2.0, tokens.accent),
        Some(_) => Stroke::new(1.5, symbol.color),
        None => Stroke::new(1.0, tokens.line),
    };
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.rect(rect, 4.0, fill, outline, StrokeKind::Inside);
    let inner = rect.shrink2(vec2(space::S, 5.0));
    let left = Align2::LEFT_TOP;
    painter.text(inner.min, left, symbol.shape, text::body(), symbol.color);
    let name = pos2(inner.left() + 16.0, inner.top());
    painter.text(name, left, node.name.as_str(), text::strong(), tokens.text);
    let second = pos2(name.x, inner.top() + 16.0);
    let full = ratio(node.load.sessions.into(), node.capacity.into());
    if is_present(node.state) {
        let sessions = format!("{} / {}", count(node.load.sessions.into()), node.capacity);
        painter.text(second, left, sessions, text::label(), tokens.muted);
        let bar = Rect::from_min_max(pos2(inner.left(), inner.bottom() - 3.0), inner.max);
        painter.rect_filled(bar, 1.5, tokens.line);
        let filled = Rect::from_min_size(bar.min, vec2(bar.width() * full as f32, bar.height()));
        painter.rect_filled(filled, 1.5, fill_color(ui, full));
    } else {
        painter.text(second, left, word, text::label(), symbol.color);
    }
    response.on_hover_text(tooltip(node, rates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_row_holds_the_rest() {
        assert_eq!(cells(0, 9, 120), 0..9);
        assert_eq!(cells(13, 9, 120), 117..120);
    }
}
