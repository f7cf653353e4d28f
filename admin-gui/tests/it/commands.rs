//! What an operator can do, and a viewer cannot.

use eframe::egui::Key;
use trunkline_protocol::status::{AdminCommand, StatusLine};

use crate::{
    generated::{Cluster, hello},
    window::Window,
};

const NODE_2: &str = "node-2, live, 177 sessions of 500";

#[test]
fn a_node_is_drained_only_after_a_yes() {
    let mut window = Window::onto(&mut Cluster::of(3));
    window.press(NODE_2);
    window.press("Drain …");
    window.assert_has("Drain node-2?");
    window.assert_words("tells its 173 users to reconnect elsewhere");
    window.assert_words("The other nodes have 646 free slots");
    window.press("Cancel");
    assert!(!window.has("Drain node-2?"));
    window.press("Drain …");
    window.key(Key::Escape);
    assert!(!window.has("Drain node-2?"));
    assert!(window.feed.commands.try_recv().is_err(), "nobody said yes");

    window.press("Drain …");
    window.press("Drain node-2");
    let command = window.feed.commands.try_recv().unwrap();
    assert_eq!(command.action, AdminCommand::Drain { node: "node-2".parse().unwrap() });
    window.tell(StatusLine::Answer { id: command.id, error: None, trace: None });
    window.assert_words("drain node-2: done");
}

#[test]
fn a_refusal_is_told() {
    let mut window = Window::onto(&mut Cluster::of(3));
    window.press(NODE_2);
    window.press("Drain …");
    window.press("Drain node-2");
    let id = window.feed.commands.try_recv().unwrap().id;
    window.tell(StatusLine::Answer { id, error: Some("node-2 is gone".into()), trace: None });
    window.assert_words("drain node-2: node-2 is gone");
}

#[test]
fn a_viewer_is_shown_nothing_to_do() {
    let mut window = Window::open();
    window.tell(hello(false));
    window.watch(&mut Cluster::of(3), 3);
    window.press(NODE_2);
    window.assert_has("Show users");
    assert!(!window.has("Drain …"));
}

#[test]
fn nothing_can_be_done_while_the_relay_is_gone() {
    let mut window = Window::onto(&mut Cluster::of(3));
    window.press(NODE_2);
    window.assert_has("Drain …");
    window.update(trunkline_admin_gui::connection::Update::Dialling);
    assert!(!window.has("Drain …"));
}
