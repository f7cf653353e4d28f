//! What does not move while values change.

use egui_kittest::kittest::Queryable as _;
use trunkline_protocol::status::{ClusterEvent, EventKind};

use crate::{generated::Cluster, window::WindowHarness};

#[test]
fn header_does_not_move_with_its_digits() {
    let mut cluster = Cluster::of(3);
    for width in [1_440.0, 1_024.0, 900.0] {
        let mut window = WindowHarness::sized(&mut cluster, [width, 700.0]);
        let places = |window: &WindowHarness| {
            ["accepted / s", "p99", "not delivered / s"].map(|it| left(window, it))
        };
        let before = places(&window);
        for accepted in [7, 70_000] {
            let load = &mut cluster.node_mut(0).load;
            load.accepted += accepted;
            load.outcomes.busy += accepted / 100;
            window.advance(&mut cluster, 1);
            assert_eq!(places(&window), before, "at {width}");
        }
    }
}

/// The left edge of the widget with this label.
fn left(window: &WindowHarness, label: &str) -> f32 {
    window.harness.get_by_label(label).rect().left()
}

#[test]
fn metrics_fit_into_the_window() {
    for width in [1_520.0, 1_330.0, 1_280.0, 1_024.0, 900.0] {
        let window = WindowHarness::sized(&mut Cluster::of(7), [width, 700.0]);
        let last = if width >= 1_520.0 { "stale entries" } else { "0 unconfirmed" };
        let right = window.harness.get_by_label(last).rect().right();
        assert!(right <= width - 20.0, "{last} ends at {right} of {width}");
    }
}

#[test]
fn long_line_does_not_widen_the_details() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    window.click("node-1, live, 124 sessions of 500");
    let before = left(&window, "Over time");
    cluster.node_mut(0).url = format!("wss://{}/ws", "a-very-long-name.".repeat(9));
    cluster.node_mut(0).load.redis_trouble = Some("READONLY, said again: ".repeat(9));
    let reason = "x".repeat(300);
    window.send_event(ClusterEvent {
        at_ms: cluster.now_ms() - 10,
        node: Some("node-1".parse().unwrap()),
        incarnation: None,
        kind: EventKind::Refused { reason },
    });
    window.advance(&mut cluster, 1);
    assert_eq!(left(&window, "Over time"), before);
}
