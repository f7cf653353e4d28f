//! Commands of an operator, which a viewer cannot give.

use eframe::egui::Key;
use trunkline_protocol::status::{AdminCommand, StatusLine};

use crate::{
    generated::{Cluster, hello},
    window::WindowHarness,
};

const NODE_2: &str = "node-2, live, 177 sessions of 500";

#[test]
fn drain_requires_confirmation() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click(NODE_2);
    window.click("Drain …");
    window.assert_has("Drain node-2?");
    window.assert_words("tells its 173 users to reconnect elsewhere");
    window.assert_words("The other nodes have 646 free slots");
    window.click("Cancel");
    assert!(!window.has("Drain node-2?"));
    window.click("Drain …");
    window.key(Key::Escape);
    assert!(!window.has("Drain node-2?"));
    assert!(window.feed.commands.try_recv().is_err(), "it was not confirmed");

    window.click("Drain …");
    window.click("Drain node-2");
    let command = window.feed.commands.try_recv().unwrap();
    assert_eq!(command.action, AdminCommand::Drain { node: "node-2".parse().unwrap() });
    window.send_line(StatusLine::Answer { id: command.id, error: None, trace: None });
    window.assert_words("drain node-2: requested");
}

#[test]
fn refused_command_shows_the_error() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click(NODE_2);
    window.click("Drain …");
    window.click("Drain node-2");
    let id = window.feed.commands.try_recv().unwrap().id;
    window.send_line(StatusLine::Answer { id, error: Some("node-2 is gone".into()), trace: None });
    window.assert_words("drain node-2: node-2 is gone");
}

#[test]
fn viewer_has_no_commands() {
    let mut window = WindowHarness::open();
    window.send_line(hello(false));
    window.advance(&mut Cluster::of(3), 3);
    window.click(NODE_2);
    window.assert_has("Show users");
    assert!(!window.has("Drain …"));
}

#[test]
fn commands_are_hidden_while_relay_is_lost() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click(NODE_2);
    window.assert_has("Drain …");
    window.update(trunkline_admin_gui::connection::Update::Dialling);
    assert!(!window.has("Drain …"));
}
