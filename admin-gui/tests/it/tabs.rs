//! The tabs: each with many nodes, the filters of the events, and charts at a past moment.

use trunkline_admin_gui::connection::Update;
use trunkline_protocol::status::{ClusterEvent, EventKind};

use crate::{
    generated::{Cluster, line},
    window::WindowHarness,
};

#[test]
fn every_tab_shows_a_hundred_nodes() {
    let mut cluster = Cluster::of(100);
    let mut window = WindowHarness::sized(&mut cluster, [1_280.0, 900.0]);
    for (tab, words) in [
        ("Nodes", "node-1, live"),
        ("Map", "node-100, live"),
        ("Traffic", "Busiest flows"),
        ("Charts", "Forwarded bytes / s"),
        ("Events", "0 events"),
        ("Users", "Users by node"),
    ] {
        window.click(tab);
        window.assert_words(words);
        window.advance(&mut cluster, 1);
    }
    assert_eq!(window.labels("no such thing"), [""; 0]);
}

#[test]
fn events_are_filtered_by_severity_and_text() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    let event = |at_ms, node: &str, kind| ClusterEvent {
        at_ms,
        node: Some(node.parse().unwrap()),
        incarnation: None,
        kind,
    };
    let now = cluster.now_ms();
    window.send_event(event(now - 2_000, "node-1", EventKind::Joined));
    window.send_event(event(now - 1_000, "node-2", EventKind::Suspect));
    window.send_event(event(now - 500, "node-2", EventKind::Dead { verdict_ms: 1_500 }));
    window.click("Events");
    window.assert_has("3 events");
    window.click("Warnings and errors");
    window.assert_has("2 events");
    window.click("Errors only");
    window.assert_has("1 event");
    window.click("All");
    window.fill("containing", "joined");
    window.assert_has("1 event");
    window.assert_has("its link was opened");
}

#[test]
fn events_are_filtered_by_kind() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    cluster.kill(1).into_iter().for_each(|event| window.send_event(event));
    window.click("Events");
    let all = window.labels("node-2").len();
    window.choose("kind", "purged");
    window.assert_has("1 event");
    window.assert_words(
        "173 directory entries, 3 users online elsewhere; the last one was removed at",
    );
    assert!(window.labels("node-2").len() < all);
}

#[test]
fn charts_show_the_selected_moment() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    let then = ClusterEvent {
        at_ms: cluster.now_ms(),
        node: None,
        incarnation: None,
        kind: EventKind::RedisBack,
    };
    for _ in 0..100 {
        window.feed.updates.try_send(Update::Line(line(cluster.step(3_000)))).unwrap();
    }
    window.send_event(then);
    window.click("Charts");
    window.click("1 min");
    window.click("Events");
    window.click("14:13:24.000");
    window.click("Charts");
    assert!(!window.has("— accepted –"), "{:#?}", window.labels("accepted"));
    window.assert_words("■ node-1 ");
}
