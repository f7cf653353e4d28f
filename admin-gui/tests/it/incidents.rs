//! What the window shows of an incident: while it lasts, and when it is over.

use std::time::Instant;

use egui_kittest::kittest::Queryable as _;
use trunkline_admin_gui::connection::Update;
use trunkline_protocol::status::{LatencyHistogram, RedisState};

use crate::{generated::Cluster, window::WindowHarness};

/// A relay that comes back after half a minute, and nodes that have counted failed sends meanwhile.
fn relay_returns(window: &mut WindowHarness, cluster: &mut Cluster) {
    window.update(Update::Lost { reason: "no answer".into(), retry_at: Instant::now() });
    cluster.relay_mut().started_at_ms = cluster.now_ms() + 29_000;
    let mut empty = cluster.step(30_000);
    empty.nodes.clear();
    window.send_snapshot(empty);
    let outcomes = &mut cluster.node_mut(0).load.outcomes;
    (outcomes.unreachable, outcomes.unconfirmed) = (19_000, 1_446);
    let outcomes = &mut cluster.node_mut(1).load.outcomes;
    (outcomes.unreachable, outcomes.offline) = (542, 637);
}

#[test]
fn sends_lost_while_the_relay_was_away_are_told_when_it_is_back() {
    let mut cluster = Cluster::quiet(3);
    let mut window = WindowHarness::onto(&mut cluster);
    window.assert_has("3 nodes live, no problems");
    window.assert_has("last 15 min: 0 (0 %)");
    relay_returns(&mut window, &mut cluster);
    window.advance(&mut cluster, 2);
    window.assert_has("Critical");
    window.assert_words("of sends fail: 19,542 unreachable, 1,446 unconfirmed in the last 10 s");
    window
        .assert_words("21,625 sends affected (19,542 unreachable, 1,446 unconfirmed, 637 offline)");
    window.advance(&mut cluster, 60);
    window.assert_has("Healthy");
    window
        .assert_words("21,625 sends affected (19,542 unreachable, 1,446 unconfirmed, 637 offline)");
    window.assert_words("Recovered 21 s ago");
    window.assert_has("last 15 min: 21,625 (100 %)");
    window.assert_has("last hour: 21,625 (100 %)");
}

#[test]
fn totals_are_shown_by_outcome_and_node() {
    let mut cluster = Cluster::quiet(3);
    let mut window = WindowHarness::onto(&mut cluster);
    relay_returns(&mut window, &mut cluster);
    window.advance(&mut cluster, 60);
    window.click("last hour: 21,625 (100 %)");
    for label in ["all nodes", "19,542", "19,000", "542", "1,446", "637", "Incidents"] {
        window.assert_has(label);
    }
    window.assert_words("the relay was away, ");
    window.click("node-1");
    window.assert_has("ws://127.0.0.1:9001/ws");
}

#[test]
fn all_findings_are_listed_and_lead_to_where_they_are_seen() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    cluster.relay_mut().redis = RedisState::Away { since_ms: cluster.now_ms() };
    cluster.node_mut(1).load.redis = false;
    cluster.node_mut(2).load.outcomes.unreachable += 5_000;
    window.advance(&mut cluster, 2);
    window.assert_has("Critical");
    assert!(!window.has("node-2 does not reach Redis"), "it is in the list");
    window.click("3 findings ▾");
    window.assert_words("Redis has not answered the relay for 1 s");
    window.click("node-2 does not reach Redis");
    window.assert_has("ws://127.0.0.1:9002/ws");
    let worst = window.labels("of sends fail").remove(0);
    window.click(&worst);
    window.assert_has("Sends by outcome and node");
    window.click("3 findings ▾");
    let redis = window.labels("Redis has not answered").remove(0);
    window.click(&redis);
    window.assert_has("No matching events.");
    window.assert_words(", 1 s behind the latest");
}

#[test]
fn time_to_failure_is_beside_the_latency_of_delivered_sends() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::sized(&mut cluster, [1_600.0, 900.0]);
    assert_eq!(window.labels("delivered only").len(), 2 + 2, "two tiles, a chart and its text");
    window.assert_has("p50 –");
    let slow = LatencyHistogram(vec![(3_000_000, 40)]);
    for _ in 0..4 {
        cluster.node_mut(0).load.failure_latency = slow.clone();
        window.advance(&mut cluster, 1);
    }
    window.assert_has("p50 3.0 s");
    let p99 = window.harness.query_all_by_label_contains("p99, not delivered").count();
    assert_eq!(p99, 3, "the tile, the chart's legend, and its text");
}
