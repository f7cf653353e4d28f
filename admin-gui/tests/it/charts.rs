//! Charts and bars: how lines are drawn, and what a screen reader reads.

use eframe::egui::{Shape, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{generated::Cluster, window::WindowHarness};

/// The label and the value of all widgets with a role.
fn all_of(window: &WindowHarness, role: Role) -> Vec<(String, Option<String>)> {
    let all = window.harness.query_all_by_role(role);
    let all = all.map(|node| {
        let node = node.accesskit_node();
        (node.label().unwrap_or_default(), node.value())
    });
    all.collect()
}

#[test]
fn every_chart_has_a_text() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("node-2, live, 177 sessions of 500");
    window.click("Charts");
    let charts = all_of(&window, Role::Image);
    // Eight of the cluster, two with an area for each node, and six of the selected node.
    assert_eq!(charts.len(), 16, "{charts:#?}");
    for (words, _) in &charts {
        let is_known = words.starts_with("Chart: ") && words.contains(", over 5 min 0 s: ");
        assert!(is_known && words.contains(", from "), "{words}");
    }
    window.assert_words("Chart: Sessions, by node, over 5 min 0 s: node-1 124, from 124 to 124");
    window.click("Traffic");
    window.assert_words("Chart: messages per second between 3 nodes, at most ");
}

#[test]
fn every_bar_has_a_name_and_a_value() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    window.click("node-2, live, 177 sessions of 500");
    let mut bars = all_of(&window, Role::Meter);
    bars.sort();
    let names: Vec<_> = bars.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "share of the capacity",
        "node-2: share of its capacity",
        "lane for receipts: share in use",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(bars.windows(2).all(|pair| pair[0].0 != pair[1].0), "{names:?}");
    let node_2 = bars.iter().find(|(name, _)| name.starts_with("node-2")).unwrap();
    assert_eq!(node_2.1.as_deref(), Some("35 %"));
}

#[test]
fn not_delivered_comes_first() {
    let mut window = WindowHarness::onto(&mut Cluster::of(3));
    for tab in ["Nodes", "Charts"] {
        window.click(tab);
        let charts = window.harness.query_all_by_role(Role::Image);
        let first = charts.into_iter().next().unwrap();
        let words = first.accesskit_node().label().unwrap_or_default();
        assert!(words.starts_with("Chart: Not delivered / s"), "{tab}: {words}");
    }
}

#[test]
fn steep_lines_are_whole() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    window.click("Charts");
    window.click("60 min");
    for step in 0..600 {
        cluster.node_mut(0).load.session_bytes = if step % 2 == 0 { 0 } else { 4_000_000 };
        window.advance(&mut cluster, 1);
    }
    let shapes = window.harness.output().shapes.iter();
    let bands = shapes.filter(|clipped| matches!(clipped.shape, Shape::Band(_)));
    assert_eq!(bands.count(), 0, "where a band is steep, it is too thin to be seen");
}
