//! Small windows: everything can be reached, whatever the scale of the screen.

use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{generated::Cluster, window::Window};

/// What leads to every part of the window.
const WAYS: [&str; 8] = ["Nodes", "Map", "Traffic", "Charts", "Events", "Users", "Window", "Pause"];

/// A screen of 1440 by 900 with scales of 1, 1.25, 1.5, 2 and 3.
const SIZES: [(f32, f32); 5] =
    [(1440.0, 900.0), (1152.0, 720.0), (960.0, 600.0), (720.0, 450.0), (480.0, 300.0)];

#[test]
fn every_part_can_be_reached_at_every_size() {
    for (width, height) in SIZES {
        let mut cluster = Cluster::of(7);
        cluster.kill(1);
        let mut window = Window::sized(&mut cluster, [width, height]);
        for tab in &WAYS[..6] {
            window.press(tab);
            let screen = window.harness.ctx.content_rect();
            for way in WAYS {
                let found = window.harness.query_all_by_label(way);
                let reached = found.map(|node| node.rect()).any(|rect| screen.contains_rect(rect));
                assert!(reached, "{way} at {width} by {height}, in {tab}");
            }
        }
        window.press("Window");
        let screen = window.harness.ctx.content_rect();
        for item in ["Save recording …", "Same as desktop"] {
            let rect = window.harness.get_by_label(item).rect();
            assert!(screen.contains_rect(rect), "{item} at {width} by {height}: {rect:?}");
        }
    }
}

#[test]
fn the_figures_stand_beside_one_another() {
    for (width, height) in &SIZES[..4] {
        let window = Window::sized(&mut Cluster::of(3), [*width, *height]);
        let tops = ["sessions", "accepted / s", "p99", "stale entries"].map(|figure| {
            let all = window.harness.query_all_by_label(figure);
            let tops = all.map(|node| node.accesskit_node().raw_bounds().map_or(0.0, |at| at.y0));
            tops.fold(f64::MAX, f64::min)
        });
        assert!(tops.iter().all(|top| (top - tops[0]).abs() < 1.0), "{width}: {tops:?}");
    }
}
