//! The keyboard: where keys go, which keys there are, and what has the focus.

use eframe::egui::{
    Context, CornerRadius, Id, Key, Modifiers, Popup, Stroke, StrokeKind, TextEdit, Ui,
    text_edit::TextEditState,
};

use crate::theme::{space, tokens};

/// The keys, and what they do.
pub(super) const KEYS: [(&str, &str); 9] = [
    ("1 to 6", "open a tab"),
    ("/ or Ctrl+F", "search or filter the open tab"),
    ("Space", "pause, or return to the latest data"),
    ("← and →", "show an earlier or later moment"),
    ("Esc", "close what is on top: a menu, a dialog, the details"),
    ("Tab, Shift+Tab", "move to the next or previous control"),
    ("↑ ↓ ← →", "move to a neighbouring control, once one has the focus"),
    ("Enter", "press the control that has the focus"),
    ("?", "show these keys"),
];

/// The width of the outline of what has the focus, and its distance from it.
const FOCUS: f32 = 2.0;

/// The text field that searches or filters what the open tab lists. There is one at a time.
pub(super) fn search_field(text: &mut String) -> TextEdit<'_> {
    TextEdit::singleline(text).id(search_id())
}

fn search_id() -> Id {
    Id::unique("filter of the tab")
}

/// Moves the focus to the search field, if the open tab has one.
pub(crate) fn focus_search(ctx: &Context) {
    if ctx.read_response(search_id()).is_some_and(|field| field.enabled()) {
        ctx.memory_mut(|memory| memory.request_focus(search_id()));
    }
}

/// Forgets what was typed in the search field of the tab before, so that it is not undone in another.
pub(crate) fn forget_search(ctx: &Context) {
    TextEditState::default().store(ctx, search_id());
}

/// Whether keys belong to the window: no text is typed, and nothing is open in front of it.
pub(crate) fn are_free(ctx: &Context) -> bool {
    let is_in_front = ctx.memory(|memory| memory.top_modal_layer().is_some());
    !is_in_front && !Popup::is_any_open(ctx) && !ctx.text_edit_focused()
}

/// The same where a control that has the focus uses the keys, too.
pub(super) fn are_unused(ctx: &Context) -> bool {
    are_free(ctx) && ctx.memory(|memory| memory.focused().is_none())
}

/// Whether a key is pressed, without Ctrl or Alt.
pub(crate) fn is_pressed(ctx: &Context, key: Key) -> bool {
    ctx.input(|input| {
        input.key_pressed(key) && !input.modifiers.matches_any(Modifiers::CTRL | Modifiers::ALT)
    })
}

/// Draws an outline around what has the focus. Most widgets show it faintly, and those without a
/// frame not at all.
pub(crate) fn outline_focus(ui: &Ui) {
    let ctx = ui.ctx();
    let Some(focused) = ctx.memory(|memory| memory.focused()) else { return };
    let Some(response) = ctx.read_response(focused) else { return };
    let visible = response.interact_rect.expand(FOCUS);
    let rect = response.rect.expand(FOCUS).intersect(visible);
    let stroke = Stroke::new(FOCUS, tokens(ui).accent);
    let painter = ctx.layer_painter(response.layer_id);
    painter.rect_stroke(rect, CornerRadius::same(5), stroke, StrokeKind::Outside);
}

/// Scrolls to what has just got the focus, if it is out of view among the contents of `ui`.
pub(super) fn scroll_to_focus(ui: &Ui) {
    let Some(focused) = ui.memory(|memory| memory.focused()) else { return };
    let Some(response) = ui.ctx().read_response(focused) else { return };
    let is_cut = response.interact_rect != response.rect && response.layer_id == ui.layer_id();
    if is_cut && response.gained_focus() && ui.min_rect().contains_rect(response.rect) {
        ui.scroll_to_rect(response.rect.expand(space::M), None);
    }
}

/// Where the focus was when the dialog was opened.
fn before_dialog() -> Id {
    Id::unique("focus before the dialog")
}

/// Remembers what has the focus, to return to it.
pub(crate) fn save_focus(ctx: &Context) {
    let focused = ctx.memory(|memory| memory.focused());
    ctx.data_mut(|data| data.insert_temp(before_dialog(), focused));
}

/// Returns the focus to what had it when the dialog was opened, once the dialog is gone: until then
/// nothing behind it can have the focus.
pub(crate) fn restore_focus(ctx: &Context) {
    if ctx.memory(|memory| memory.top_modal_layer().is_some()) {
        return ctx.request_repaint();
    }
    let before = ctx.data_mut(|data| data.remove_temp::<Option<Id>>(before_dialog()));
    if let Some(id) = before.flatten() {
        ctx.memory_mut(|memory| memory.request_focus(id));
    }
}
