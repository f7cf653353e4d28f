//! The small pieces that several views are put together from.

use eframe::egui::{
    Align, Align2, Button, Color32, FontId, Layout, Rect, Response, RichText, Role, Sense, Ui,
    Vec2, WidgetInfo,
    text::{LayoutJob, TextFormat},
    vec2,
};

use trunkline_protocol::{
    Incarnation, User,
    control::MemberState,
    status::{NodeStatus, PurgeStatus},
};

use crate::{
    escape, escaped_text,
    format::{UNKNOWN, count, plural},
    theme::{self, StatusSymbol, space, state_word, text, tokens},
};

/// The width of a mark.
const MARK: f32 = 12.0;

/// A label of a figure, or the head of a part.
pub(super) fn label(ui: &mut Ui, words: impl Into<String>) -> Response {
    escaped_text::label(ui, &words.into(), text::label(), tokens(ui).muted)
}

/// How many sessions a node has: none once a dead one is cleaned up after, and nobody knows before.
pub(super) fn sessions_left(node: &NodeStatus) -> Option<u32> {
    match (node.state, &node.purge) {
        (MemberState::Dead, Some(PurgeStatus { done_ms: Some(_), .. }))
        | (MemberState::Left, _) => Some(0),
        (MemberState::Dead, _) => None,
        _ => Some(node.load.sessions),
    }
}

/// What is read out for a node to those who do not see it.
pub(super) fn read_out(node: &NodeStatus) -> String {
    let (name, state) = (&node.name, state_word(node.state));
    match sessions_left(node) {
        Some(sessions) => {
            let sessions = plural(sessions.into(), "session");
            format!("{name}, {state}, {sessions} of {}", count(node.capacity.into()))
        }
        None => format!("{name}, {state}, its users are being removed"),
    }
}

/// The end of an incarnation, which tells it from others well enough.
pub(super) fn short(incarnation: Incarnation) -> String {
    let all = incarnation.to_string();
    format!("…{}", &all[all.len() - 8..])
}

/// Words that lead somewhere, by pointer or keyboard.
pub(super) fn way(ui: &mut Ui, words: &str) -> Response {
    let words = escaped_text::layout(ui, words, text::strong(), tokens(ui).text);
    ui.add(Button::new(words).frame(false).truncate())
}

/// A user's key that can be pressed. It can be copied as it is, whatever it is shown as.
pub(super) fn user_link(ui: &mut Ui, user: &User, explained: &str) -> Response {
    let shown = escape::text(user.as_str());
    let words = escaped_text::layout(ui, &shown, text::body(), tokens(ui).accent);
    let link = ui.add(Button::new(words).frame(false).truncate());
    let explained = hint(ui, &format!("{shown}\n{explained}"));
    offer_copy(&link, user);
    link.on_hover_text(explained)
}

/// Offers to copy a user's key to whoever presses the other button of the mouse on it.
pub(super) fn offer_copy(response: &Response, user: &User) {
    response.context_menu(|ui| {
        if ui.button("Copy the key").clicked() {
            ui.copy_text(user.as_str().to_owned());
        }
    });
}

/// What is said of something that the pointer is over.
pub(super) fn hint(ui: &Ui, words: &str) -> LayoutJob {
    escaped_text::layout(ui, words, text::body(), tokens(ui).text)
}

/// A mark and the word that says the same.
pub(super) fn marked(ui: &mut Ui, mark: StatusSymbol, word: &str) -> Response {
    ui.horizontal(|ui| {
        shape(ui, mark, ui.available_height());
        escaped_text::label(ui, word, text::body(), mark.color)
    })
    .inner
}

/// Draws the shape of a mark: painted, not written, so that whoever has the window read out hears the
/// word alone.
pub(super) fn shape(ui: &mut Ui, mark: StatusSymbol, height: f32) {
    ui.spacing_mut().item_spacing.x = space::XS;
    let (rect, _) = ui.allocate_exact_size(vec2(MARK, height), Sense::hover());
    let middle = Align2::CENTER_CENTER;
    ui.painter().text(rect.center(), middle, mark.shape, text::body(), mark.color);
}

/// Words of several colours as one text.
pub(super) fn pieces(font: FontId, pieces: &[(&str, Color32)]) -> LayoutJob {
    let mut job = LayoutJob::default();
    for (at, &(words, color)) in pieces.iter().enumerate() {
        let (space, gap) = if at == 0 { ("", 0.0) } else { (" ", 2.0) };
        job.append(&format!("{space}{words}"), gap, TextFormat::simple(font.clone(), color));
    }
    job
}

/// A figure in a table: to the right, muted where it is nothing.
pub(super) fn figure(ui: &mut Ui, value: impl Into<String>) -> Response {
    let value = value.into();
    let nothing = value == "0" || value == UNKNOWN;
    let color = if nothing { tokens(ui).faint } else { tokens(ui).text };
    colored_figure(ui, value, color)
}

/// A figure in a table whose colour means something.
pub(super) fn colored_figure(ui: &mut Ui, value: impl Into<String>, color: Color32) -> Response {
    right(ui, |ui| ui.label(RichText::new(value.into()).color(color)))
}

/// From right to left.
pub(super) fn right<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    ui.with_layout(Layout::right_to_left(Align::Center), contents).inner
}

/// How full something is, as a bar.
pub(super) fn bar(ui: &mut Ui, size: Vec2, share: f64, color: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let share = share.clamp(0.0, 1.0) as f32;
    let radius = size.y / 2.0;
    let filled = Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()));
    ui.painter().rect_filled(rect, radius, tokens(ui).line);
    if share > 0.0 {
        ui.painter().rect_filled(filled, radius, color);
    }
    let value = f64::from(share);
    response.widget_info(|| WidgetInfo {
        value: Some(value),
        ..WidgetInfo::labeled(Role::ProgressIndicator, true, "share in use")
    });
    response
}

/// The colour of a bar that is so full.
pub(super) fn fullness(ui: &Ui, share: f64) -> Color32 {
    let tokens: &theme::Tokens = tokens(ui);
    match share {
        full if full >= 1.0 => tokens.bad,
        nearly if nearly >= 0.9 => tokens.warning,
        _ => tokens.accent,
    }
}

/// One part of a whole.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
