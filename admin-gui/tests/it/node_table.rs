//! The table of nodes, and the details of a node.

use eframe::egui::Key;
use trunkline_protocol::status::{NodeLoad, Snapshot};

use crate::{
    generated::{Cluster, hello},
    window::WindowHarness,
};

#[test]
fn click_on_head_sorts() {
    let mut window = WindowHarness::onto(&mut Cluster::of(12));
    let order = |window: &WindowHarness| -> Vec<u64> {
        let number = |label: String| label[5..].split(',').next().unwrap().parse().unwrap();
        window.labels("sessions of").into_iter().map(number).collect()
    };
    assert_eq!(order(&window), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    window.click("node ↑");
    assert_eq!(order(&window)[..3], [12, 11, 10]);
    window.click("sessions");
    assert_eq!(order(&window)[..3], [7, 6, 12]);
}

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
