//! User keys that look like other keys, or that are partly invisible.

use eframe::egui::OutputCommand;
use egui_kittest::kittest::Queryable as _;
use trunkline_admin_gui::queries::{DirectoryQuery, QueryReply};
use trunkline_directory::UserLocation;
use trunkline_protocol::{Incarnation, User, status::EventKind};

use crate::{
    generated::{Cluster, START_MS},
    window::WindowHarness,
};

/// Keys, and how they are shown.
const KEYS: [(&str, &str); 9] = [
    ("alice", "alice"),
    ("alice ", "alice␠"),
    ("alice\u{200B}", "alice‹U+200B›"),
    ("\u{202E}alice", "‹U+202E›alice"),
    ("al\u{AD}ice", "al‹U+00AD›ice"),
    ("alice\u{E0061}", "alice‹U+E0061›"),
    ("\u{430}lice", "‹U+0430›lice"),
    ("北京小王", "北京小王"),
    ("дима", "дима"),
];

fn user(key: &str) -> User {
    key.parse().unwrap()
}

fn found(window: &mut WindowHarness, key: &str) {
    window.fill("Find a user", key);
    window.click("Find exactly");
    assert!(
        window.queries().contains(&DirectoryQuery::User(user(key))),
        "the key itself is asked for"
    );
    let place = UserLocation {
        node: "node-1".parse().unwrap(),
        incarnation: Incarnation::from_bytes([1; 16]),
        since_ms: Some(START_MS),
    };
    window.reply(QueryReply::User(user(key), Ok(vec![place])));
}

#[test]
fn user_list_escapes_invisible_characters() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("Users");
    window.queries();
    window.click("node-1");
    let node = ("node-1".parse().unwrap(), Incarnation::from_bytes([1; 16]));
    window.reply(QueryReply::Count(node.clone(), Ok(KEYS.len())));
    window.draw();
    let users = KEYS.iter().map(|(key, _)| (user(key), START_MS)).collect();
    window.reply(QueryReply::Page { node, offset: 0, users: Ok(users) });
    for (_, shown) in KEYS {
        window.assert_has(shown);
    }
}

#[test]
fn search_escapes_invisible_characters() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("Users");
    window.fill("Find a user", "al\u{200B}");
    window.click("Find by prefix");
    let users = KEYS.iter().map(|(key, _)| user(key)).collect();
    window.reply(QueryReply::Found { prefix: "al\u{200B}".into(), users, done: true });
    window.assert_words("with prefix “al‹U+200B›”");
    for (_, shown) in KEYS {
        window.assert_has(shown);
    }
}

#[test]
fn disconnect_shows_escaped_key_and_sends_original() {
    let (key, shown) = KEYS[2];
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("Users");
    found(&mut window, key);
    window.assert_has(shown);
    window.click("Disconnect …");
    window.assert_has(&format!("Disconnect {shown}?"));
    window.click(&format!("Disconnect {shown}"));
    let command = window.feed.commands.try_recv().unwrap();
    let action = serde_json::to_value(&command).unwrap().to_string();
    assert!(action.contains(key), "{action}");
}

#[test]
fn copied_key_is_the_original() {
    let (key, _) = KEYS[1];
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("Users");
    found(&mut window, key);
    window.harness.get_by_label("Copy").click();
    window.harness.step();
    let commands = &window.harness.output().platform_output.commands;
    assert!(commands.contains(&OutputCommand::CopyText(key.into())), "{commands:?}");
}

#[test]
fn long_key_leaves_room_for_the_buttons() {
    let long = format!("{}\u{200B}", "\u{AD}".repeat(60));
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("Users");
    found(&mut window, &long);
    window.click("Disconnect …");
    for answer in ["Cancel", "Disconnect ‹U+00AD›"] {
        let node = window.harness.get_all_by_label_contains(answer).next().unwrap();
        let bounds = node.rect();
        assert!(window.harness.ctx.content_rect().contains_rect(bounds), "{answer}: {bounds:?}");
    }
    window.click("Cancel");
    assert!(!window.has_words("Disconnect ‹"));
}

#[test]
fn event_text_of_relay_is_escaped() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    let kind = EventKind::Commanded { command: "admin: end alice\u{200B}".into() };
    window.send_event(trunkline_protocol::status::ClusterEvent {
        at_ms: cluster.now_ms(),
        node: None,
        incarnation: None,
        kind,
    });
    window.click("Events");
    window.assert_has("admin: end alice‹U+200B›");
}
