//! Small windows: every control is on the screen, at every scale.

use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{generated::Cluster, window::WindowHarness};

/// The controls that lead to every part of the window.
const CONTROLS: [&str; 8] =
    ["Nodes", "Map", "Traffic", "Charts", "Events", "Users", "Window", "Pause"];

/// A screen of 1440 by 900 at scales of 1, 1.25, 1.5, 2 and 3.
const SIZES: [(f32, f32); 5] =
    [(1440.0, 900.0), (1152.0, 720.0), (960.0, 600.0), (720.0, 450.0), (480.0, 300.0)];

#[test]
fn every_control_is_on_screen_at_every_size() {
    for (width, height) in SIZES {
        let mut cluster = Cluster::of(7);
        cluster.kill(1);
        let mut window = WindowHarness::sized(&mut cluster, [width, height]);
        for tab in &CONTROLS[..6] {
            window.click(tab);
            let screen = window.harness.ctx.content_rect();
            for control in CONTROLS {
                let found = window.harness.query_all_by_label(control);
                let is_on_screen =
                    found.map(|node| node.rect()).any(|rect| screen.contains_rect(rect));
                assert!(is_on_screen, "{control} at {width} by {height}, in {tab}");
            }
        }
        window.click("Window");
        let screen = window.harness.ctx.content_rect();
        for item in ["Save recording …", "Same as desktop"] {
            let rect = window.harness.get_by_label(item).rect();
            assert!(screen.contains_rect(rect), "{item} at {width} by {height}: {rect:?}");
        }
    }
}

#[test]
fn metrics_stay_in_one_row() {
    for (width, height) in &SIZES[..4] {
        let window = WindowHarness::sized(&mut Cluster::of(3), [*width, *height]);
        let tops = ["sessions", "accepted / s", "p99", "not delivered / s"].map(|metric| {
            let all = window.harness.query_all_by_label(metric);
            let tops = all.map(|node| node.accesskit_node().raw_bounds().map_or(0.0, |at| at.y0));
            tops.fold(f64::MAX, f64::min)
        });
        assert!(tops.iter().all(|top| (top - tops[0]).abs() < 1.0), "{width}: {tops:?}");
    }
}
