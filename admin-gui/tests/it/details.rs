//! The details of the relay, and the outcomes in those of a node.

use eframe::egui::Key;
use trunkline_protocol::status::{ClusterEvent, EventKind};

use crate::{generated::Cluster, window::WindowHarness};

#[test]
fn relay_has_details() {
    let mut cluster = Cluster::of(3);
    cluster.relay_mut().refused_full = 17;
    let mut window = WindowHarness::onto(&mut cluster);
    for reason in ["an unknown certificate", "the name is taken"] {
        window.send_event(ClusterEvent {
            at_ms: cluster.now_ms() - 10,
            node: None,
            incarnation: None,
            kind: EventKind::Refused { reason: reason.into() },
        });
    }
    window.click("Relay ● up");
    for label in ["Process", "0.1.0", "10.9 MiB", "3 of 3 nodes", "17, 0 / s now", "2"] {
        window.assert_has(label);
    }
    window.assert_words("2 h 0 min");
    window.assert_words("the name is taken");
    window.click("node-1, live, 124 sessions of 500");
    assert!(!window.has("Process"), "a node's details replace them");
    window.click("Relay ● up");
    window.key(Key::Escape);
    assert!(!window.has("Process"));
}

#[test]
fn relay_on_the_map_opens_its_details() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("Map");
    window.click("relay-1, details");
    window.assert_has("Process");
}

#[test]
fn node_details_show_its_outcomes() {
    let mut cluster = Cluster::of(3);
    cluster.node_mut(0).load.outcomes.unreachable = 19_542;
    let mut window = WindowHarness::onto(&mut cluster);
    window.click("node-1, live, 124 sessions of 500");
    for label in ["Outcomes of its sends", "since start", "delivered", "unreachable", "19,542"] {
        window.assert_has(label);
    }
}

#[test]
fn large_map_is_a_grid_with_a_filter() {
    let mut cluster = Cluster::of(120);
    cluster.kill(11);
    let mut window = WindowHarness::onto(&mut cluster);
    window.click("Map");
    assert!(window.labels("sessions of").len() > 60);
    window.fill("filter", "dead");
    assert_eq!(window.labels("sessions of"), ["node-12, dead, 0 sessions of 500"]);
    window.click("node-12, dead, 0 sessions of 500");
    window.assert_has("Outcomes of its sends");
}
