//! Small widgets and texts that several views share.

use std::borrow::Borrow;

use eframe::egui::{
    Align, Align2, Button, Color32, ComboBox, FontId, Layout, Rect, Response, RichText, Role,
    Sense, Ui, Vec2, WidgetInfo,
    text::{LayoutJob, TextFormat},
    vec2,
};
use egui_extras::TableBuilder;
use egui_plot::Plot;
use trunkline_protocol::{
    Incarnation, User,
    control::MemberState,
    status::{NodeStatus, PurgeStatus},
};

use super::ViewContext;
use crate::{
    escape, escaped_text,
    format::{UNKNOWN, count, percent, plural},
    state::{NodeProblem, Rates},
    theme::{StatusSymbol, Tokens, space, state_word, text, tokens},
};

/// The opacity of values that may not hold any more.
const STALE: f32 = 0.55;

/// The width of a symbol.
const MARK: f32 = 12.0;

/// A small, muted label.
pub(super) fn label(ui: &mut Ui, words: impl Into<String>) -> Response {
    escaped_text::label(ui, &words.into(), text::label(), tokens(ui).muted)
}

/// Dims what is drawn into `ui` from here on, if it shows values that may not hold any more.
pub(crate) fn dim_stale(ui: &mut Ui, ctx: &ViewContext<'_>) {
    if ctx.is_stale() {
        ui.multiply_opacity(STALE);
    }
}

/// The heading of a part of a view.
pub(super) fn title(ui: &mut Ui, words: impl Into<String>) -> Response {
    ui.label(RichText::new(words).font(text::title()))
}

/// The number of sessions of a node. `None` for a dead node until its entries are purged: how many
/// of its users are still listed is not known.
pub(super) fn sessions_left(node: &NodeStatus) -> Option<u32> {
    match (node.state, &node.purge) {
        (MemberState::Dead, Some(PurgeStatus { done_ms: Some(_), .. }))
        | (MemberState::Left, _) => Some(0),
        (MemberState::Dead, _) => None,
        _ => Some(node.load.sessions),
    }
}

/// A node in words, for screen readers.
pub(super) fn spoken_status(node: &NodeStatus) -> String {
    let (name, state) = (&node.name, state_word(node.state));
    match sessions_left(node) {
        Some(sessions) => {
            let sessions = plural(sessions.into(), "session");
            format!("{name}, {state}, {sessions} of {}", count(node.capacity.into()))
        }
        None => format!("{name}, {state}, its directory entries are being removed"),
    }
}

/// The last characters of an incarnation: the first ones are its time, which nodes that start
/// together share.
pub(super) fn short_incarnation(incarnation: Incarnation) -> String {
    let all = incarnation.to_string();
    format!("…{}", &all[all.len() - 8..])
}

/// Strong text that can be clicked.
pub(super) fn text_button(ui: &mut Ui, words: &str) -> Response {
    let words = escaped_text::layout(ui, words, text::strong(), tokens(ui).text);
    let button = ui.add(Button::new(words).frame(false).truncate());
    keep_in_view(ui, &button);
    button
}

/// A user's key that can be clicked, and copied in its original form.
pub(super) fn user_link(ui: &mut Ui, user: &User, explained: &str) -> Response {
    let shown = escape::text(user.as_str());
    let words = escaped_text::layout(ui, &shown, text::body(), tokens(ui).accent);
    let link = ui.add(Button::new(words).frame(false).truncate());
    let explained = tooltip(ui, &format!("{shown}\n{explained}"));
    copy_menu(&link, user);
    link.on_hover_text(explained)
}

/// Adds a context menu that copies a user's key.
pub(super) fn copy_menu(response: &Response, user: &User) {
    response.context_menu(|ui| {
        if ui.button("Copy key").clicked() {
            ui.copy_text(user.as_str().to_owned());
        }
    });
}

/// A list with a label, to choose one of `options` or none of them, which reads as `none`.
pub(super) fn choice<T: PartialEq + Borrow<str>>(
    ui: &mut Ui,
    (name, none): (&str, &str),
    chosen: &mut Option<T>,
    options: impl IntoIterator<Item = T>,
) {
    let label = label(ui, name);
    let text = chosen.as_ref().map_or(none, T::borrow).to_owned();
    let list = ComboBox::from_id_salt(name).selected_text(text).show_ui(ui, |ui| {
        ui.selectable_value(chosen, None, none);
        for option in options {
            let text = option.borrow().to_owned();
            ui.selectable_value(chosen, Some(option), text);
        }
    });
    list.response.labelled_by(label.id);
}

/// The text of a tooltip with words that others chose.
pub(super) fn tooltip(ui: &Ui, words: &str) -> LayoutJob {
    escaped_text::layout(ui, words, text::body(), tokens(ui).text)
}

/// A symbol and the word that says the same.
pub(super) fn symbol_with_word(ui: &mut Ui, symbol: StatusSymbol, word: &str) -> Response {
    ui.horizontal(|ui| {
        draw_symbol(ui, symbol, ui.available_height());
        escaped_text::label(ui, word, text::body(), symbol.color)
    })
    .inner
}

/// The symbol and the word of a node: of its problem, else of its state.
pub(super) fn node_symbol(
    tokens: &Tokens,
    node: &NodeStatus,
    rates: &Rates,
) -> (StatusSymbol, &'static str) {
    match NodeProblem::of(node, rates) {
        Some(problem @ (NodeProblem::Full | NodeProblem::Failing | NodeProblem::Degraded)) => {
            (tokens.severity(problem.severity()), problem.word())
        }
        _ => (tokens.state(node.state), state_word(node.state)),
    }
}

/// Draws a symbol. It is painted and not a label, so that a screen reader reads the word beside it
/// alone.
pub(super) fn draw_symbol(ui: &mut Ui, symbol: StatusSymbol, height: f32) {
    ui.spacing_mut().item_spacing.x = space::XS;
    let (rect, _) = ui.allocate_exact_size(vec2(MARK, height), Sense::hover());
    let middle = Align2::CENTER_CENTER;
    ui.painter().text(rect.center(), middle, symbol.shape, text::body(), symbol.color);
}

/// Words of several colours as one label.
pub(super) fn colored_text(font: FontId, pieces: &[(&str, Color32)]) -> LayoutJob {
    let mut job = LayoutJob::default();
    for (at, &(words, color)) in pieces.iter().enumerate() {
        let (space, gap) = if at == 0 { ("", 0.0) } else { (" ", 2.0) };
        job.append(&format!("{space}{words}"), gap, TextFormat::simple(font.clone(), color));
    }
    job
}

/// A number in a table: right-aligned, and faint if it is zero or unknown.
pub(super) fn number(ui: &mut Ui, value: impl Into<String>) {
    let value = value.into();
    let is_faint = value == "0" || value == UNKNOWN;
    let color = if is_faint { tokens(ui).faint } else { tokens(ui).text };
    colored_number(ui, value, color);
}

/// A number in a table whose colour has a meaning.
pub(super) fn colored_number(ui: &mut Ui, value: impl Into<String>, color: Color32) {
    right_aligned(ui, |ui| ui.label(RichText::new(value.into()).color(color)));
}

/// The head of a column of numbers.
pub(super) fn number_head(ui: &mut Ui, words: &str) {
    right_aligned(ui, |ui| label(ui, words));
}

/// Lays contents out from right to left.
pub(super) fn right_aligned<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    ui.with_layout(Layout::right_to_left(Align::Center), contents).inner
}

/// A bar that shows a ratio, from 0 to 1. A screen reader reads its name and its value in percent.
pub(super) fn bar(ui: &mut Ui, name: &str, size: Vec2, ratio: f64, color: Color32) {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let ratio = ratio.clamp(0.0, 1.0) as f32;
    let radius = size.y / 2.0;
    let filled = Rect::from_min_size(rect.min, vec2(rect.width() * ratio, rect.height()));
    ui.painter().rect_filled(rect, radius, tokens(ui).line);
    if ratio > 0.0 {
        ui.painter().rect_filled(filled, radius, color);
    }
    let share = f64::from(ratio);
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(percent(share)),
        value: Some((share * 100.0).round()),
        ..WidgetInfo::labeled(Role::Meter, true, name)
    });
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(100.0);
    });
}

/// The colour of a bar for something that fills up.
pub(super) fn fill_color(ui: &Ui, ratio: f64) -> Color32 {
    let tokens = tokens(ui);
    match ratio {
        full if full >= 1.0 => tokens.bad,
        nearly if nearly >= 0.9 => tokens.warning,
        _ => tokens.series[0],
    }
}

/// Scrolls to what has just got the focus, and to a little beyond: the row after it can be reached, too.
pub(super) fn keep_in_view(ui: &Ui, response: &Response) {
    if response.gained_focus() {
        ui.scroll_to_rect(response.rect.expand2(vec2(0.0, 1.5 * space::ROW)), None);
    }
}

/// A part as a ratio of the whole.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A plot that the pointer neither moves nor zooms: the views decide what it shows.
pub(super) fn static_plot<'a>(name: &str) -> Plot<'a> {
    Plot::new(name)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .allow_double_click_reset(false)
        .show_background(false)
        .show_y(false)
}

/// A table whose rows can be clicked.
pub(super) fn table<'a>(ui: &'a mut Ui, name: &str) -> TableBuilder<'a> {
    let cells = Layout::left_to_right(Align::Center);
    // Rows touch each other, and a button in one is not higher than the row.
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.spacing_mut().interact_size.y = space::ROW;
    TableBuilder::new(ui).id_salt(name).sense(Sense::CLICK).cell_layout(cells)
}
