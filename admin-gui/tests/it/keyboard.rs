//! The keyboard: what has the focus is seen, `Enter` and `Esc` work in dialogs, and keys lead to the
//! tabs and their search fields.

use eframe::egui::{Key, Modifiers, Rect, Shape, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use trunkline_protocol::status::AdminCommand;

use crate::{generated::Cluster, window::WindowHarness};

const NODE_2: &str = "node-2, live, 177 sessions of 500";

const TABS: [&str; 6] = ["Nodes", "Map", "Traffic", "Charts", "Events", "Users"];

/// The width of the outline of what has the focus.
const OUTLINE: f32 = 2.0;

impl WindowHarness {
    /// The label of what has the focus.
    fn focused(&self) -> Option<String> {
        let mut all = self.harness.query_all_by(|node| node.is_focused());
        let node = all.rfind(|node| node.accesskit_node().role() != Role::Window)?;
        let node = node.accesskit_node();
        node.label().or_else(|| node.labelled_by().find_map(|label| label.value()))
    }

    /// Where an outline is drawn around something.
    fn outlines(&self) -> Vec<Rect> {
        let shapes = self.harness.output().shapes.iter();
        let outline = |shape: &Shape| match shape {
            Shape::Rect(rect) if rect.stroke.width == OUTLINE => Some(rect.rect),
            _ => None,
        };
        shapes.filter_map(|clipped| outline(&clipped.shape)).collect()
    }

    fn is_tab_open(&self, tab: &str) -> bool {
        let all = self.harness.query_all_by_label(tab);
        all.map(|node| node.accesskit_node().toggled())
            .any(|toggled| toggled == Some(eframe::egui::accesskit::Toggled::True))
    }
}

#[test]
fn focus_is_seen_on_every_control() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click(NODE_2);
    for (number, tab) in
        [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6].into_iter().zip(TABS)
    {
        window.key(number);
        assert!(window.outlines().len() <= 1);
        for _ in 0..45 {
            window.harness.key_press(Key::Tab);
            window.harness.run_steps(2);
            let Some(name) = window.focused() else { continue };
            let outlines = window.outlines();
            assert_eq!(outlines.len(), 1, "{name} in {tab} has no outline");
            assert!(outlines[0].is_positive(), "{name} in {tab} is out of view: {outlines:?}");
        }
    }
}

#[test]
fn number_keys_switch_tabs_unless_text_is_typed() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.harness.get_by_label(NODE_2).focus();
    window.draw();
    assert_eq!(window.focused().as_deref(), Some(NODE_2));
    window.key(Key::Num5);
    assert!(window.is_tab_open("Events"), "a row of a table had the focus");
    window.key(Key::Slash);
    window.key(Key::Num1);
    assert!(window.is_tab_open("Events"), "text is typed");
    window.key(Key::Escape);
    window.key(Key::Num1);
    assert!(window.is_tab_open("Nodes"));
    window.key(Key::Questionmark);
    window.key(Key::Num2);
    assert!(window.is_tab_open("Nodes"), "a dialog is open");
}

#[test]
fn search_field_of_the_tab_gets_the_focus() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    for (tab, field) in [(Key::Num5, "containing"), (Key::Num6, "Find a user")] {
        window.key(tab);
        window.key(Key::Slash);
        assert_eq!(window.focused().as_deref(), Some(field));
        window.key(Key::Escape);
        assert_eq!(window.focused(), None);
        window.harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
        window.draw();
        assert_eq!(window.focused().as_deref(), Some(field));
        window.key(Key::Escape);
    }
    window.key(Key::Num2);
    window.key(Key::Slash);
    assert_eq!(window.focused(), None);
}

#[test]
fn destructive_dialog_offers_cancel_first() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click(NODE_2);
    window.harness.get_by_label("Drain …").focus();
    window.draw();
    window.key(Key::Enter);
    window.assert_has("Drain node-2?");
    assert_eq!(window.focused().as_deref(), Some("Cancel"));
    window.key(Key::Enter);
    assert!(!window.has("Drain node-2?"));
    assert!(window.feed.commands.try_recv().is_err(), "it was cancelled");
    assert_eq!(window.focused().as_deref(), Some("Drain …"), "the focus returns");

    window.key(Key::Enter);
    window.harness.get_by_label("Drain node-2").focus();
    window.draw();
    window.key(Key::Enter);
    let command = window.feed.commands.try_recv().unwrap();
    assert_eq!(command.action, AdminCommand::Drain { node: "node-2".parse().unwrap() });
}

#[test]
fn harmless_dialog_is_confirmed_by_enter() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("Users");
    window.fill("Find a user", "bob");
    window.click("Find exactly");
    window.click("Delivery test …");
    assert_eq!(window.focused().as_deref(), Some("Send"));
    window.key(Key::Enter);
    let command = window.feed.commands.try_recv().unwrap();
    assert!(matches!(command.action, AdminCommand::Test { .. }));
}

#[test]
fn escape_closes_one_thing() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click(NODE_2);
    window.key(Key::Num5);
    let has_details = |window: &WindowHarness| window.has("ws://127.0.0.1:9002/ws");

    window.click("Window");
    window.assert_has("Keys …");
    window.key(Key::Escape);
    assert!(!window.has("Keys …") && has_details(&window), "a menu");

    window.click("Drain …");
    window.key(Key::Escape);
    assert!(!window.has("Drain node-2?") && has_details(&window), "a dialog");

    window.key(Key::Slash);
    window.key(Key::Escape);
    assert!(window.focused().is_none() && has_details(&window), "a text field");

    window.harness.get_by_label("Drain …").focus();
    window.draw();
    window.key(Key::Escape);
    assert!(!has_details(&window), "the details");
}

#[test]
fn question_mark_lists_the_keys() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.key(Key::Questionmark);
    for key in ["1 to 6", "/ or Ctrl+F", "Space", "Esc", "?"] {
        window.assert_has(key);
    }
    window.key(Key::Enter);
    assert!(!window.has("/ or Ctrl+F"));
    window.click("Window");
    window.click("Keys …");
    window.assert_has("/ or Ctrl+F");
    window.key(Key::Escape);
    assert!(!window.has("/ or Ctrl+F"));
}
