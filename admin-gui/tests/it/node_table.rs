//! The table of nodes, and the details of a node.

use std::thread;

use eframe::egui::{Key, pos2};
use egui_kittest::kittest::Queryable as _;
use trunkline_admin_gui::defaults::RESORT_INTERVAL;
use trunkline_protocol::{
    control::MemberState,
    status::{NodeLoad, Snapshot},
};

use crate::{
    generated::{Cluster, hello},
    window::WindowHarness,
};

#[test]
fn click_on_head_sorts() {
    let mut window = WindowHarness::sized(&mut Cluster::of(12), [1280.0, 860.0]);
    assert_eq!(order(&window), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    window.click("node");
    window.click("node ↑");
    assert_eq!(order(&window)[..3], [12, 11, 10]);
    window.click("sessions");
    assert_eq!(order(&window)[..3], [7, 6, 12]);
}

/// The numbers of the nodes in the table, from top to bottom.
fn order(window: &WindowHarness) -> Vec<u64> {
    let number = |label: String| label[5..].split(',').next().unwrap().parse().unwrap();
    window.labels("sessions of").into_iter().map(number).collect()
}

#[test]
fn rows_do_not_move_under_the_pointer() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    window.click("sessions");
    assert_eq!(order(&window), [3, 2, 1]);
    let row = window.harness.get_by_label_contains("node-3, live").rect().center();
    window.harness.hover_at(row);
    window.draw();
    cluster.node_mut(0).load.sessions = 400;
    thread::sleep(RESORT_INTERVAL);
    window.advance(&mut cluster, 1);
    assert_eq!(order(&window), [3, 2, 1]);
    window.harness.hover_at(pos2(5.0, 5.0));
    window.advance(&mut cluster, 1);
    window.draw();
    assert_eq!(order(&window), [1, 3, 2]);
}

#[test]
fn problems_come_first() {
    let mut cluster = Cluster::of(120);
    cluster.kill(99);
    cluster.node_mut(50).load.slots = 500;
    cluster.node_mut(70).state = MemberState::Suspect;
    let window = WindowHarness::onto(&mut cluster);
    assert_eq!(order(&window)[..4], [100, 71, 51, 1]);
    window.assert_has("full");
}

#[test]
fn filter_keeps_the_nodes_with_each_word() {
    let mut cluster = Cluster::of(120);
    cluster.kill(11);
    let mut window = WindowHarness::onto(&mut cluster);
    window.fill("filter", "node-12 live");
    assert_eq!(order(&window), [120]);
    window.assert_has("1 of 120 nodes");
    window.click("1 problem");
    assert_eq!(order(&window), [12]);
    window.click("Show all");
    window.assert_has("120 of 120 nodes");
    window.fill("filter", "nothing like that");
    window.assert_has("No matching nodes.");
}

#[test]
fn narrow_table_shows_fewer_columns() {
    for (width, heads) in [(1_440.0, 16), (1_024.0, 13), (900.0, 11), (480.0, 4)] {
        let window = WindowHarness::sized(&mut Cluster::of(7), [width, 700.0]);
        let is_shown = |head: &&&str| window.has(head);
        let shown = HEADS.iter().filter(is_shown).count();
        assert_eq!(shown, heads, "at {width}");
    }
}

/// The heads of the table.
const HEADS: [&str; 16] = [
    "state ↑",
    "node",
    "sessions",
    "in / s",
    "out / s",
    "forwarded / s",
    "CPU",
    "memory",
    "pending",
    "queued",
    "RTT",
    "loss",
    "window",
    "uptime",
    "incarnation",
    "version",
];

#[test]
fn escape_closes_node_details() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("node-2, live, 177 sessions of 500");
    for label in ["Close", "ws://127.0.0.1:9002/ws", "127.0.0.1:40001", "receipts"] {
        window.assert_has(label);
    }
    window.key(Key::Escape);
    assert!(!window.has("Close"));
}

#[test]
fn only_visible_rows_are_drawn() {
    let window = WindowHarness::onto(&mut Cluster::of(100));
    let rows = window.labels("sessions of").len();
    assert!((5..40).contains(&rows), "{rows} rows");
}

#[test]
fn first_report_of_a_node_is_not_counted_as_rate() {
    let mut window = WindowHarness::open();
    window.send_line(hello(true));
    let mut cluster = Cluster::of(1);
    cluster.node_mut(0).load = NodeLoad::default();
    window.send_snapshot(cluster.now());
    cluster.node_mut(0).load = NodeLoad { accepted: 1_000_000, ..NodeLoad::default() };
    window.send_snapshot(Snapshot { at_ms: cluster.now_ms() + 500, ..cluster.now() });
    assert!(!window.has("2,000,000"), "{:#?}", window.labels("000"));
}

#[test]
fn dead_node_shows_how_long_it_was_up_and_what_it_last_reported() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    cluster.kill(1).into_iter().for_each(|event| window.send_event(event));
    window.advance(&mut cluster, 40);
    window.click("node-2, dead, 0 sessions of 500");
    window.assert_has("Last report, 20 s ago");
    window.assert_has("was up for");
    // It started an hour and a second before the first snapshot, and died 4 s after that.
    window.assert_has("1 h 0 min");
    window.assert_has("177 at its last report, of 500");
    assert!(!window.has("uptime"));
}
