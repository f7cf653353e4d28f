//! The header: the health of the cluster and of its components.

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use trunkline_protocol::{control::MemberState, status::RedisState};

use crate::{generated::Cluster, window::WindowHarness};

#[test]
fn healthy_cluster_lists_nodes_and_reports_no_problems() {
    let window = WindowHarness::onto(&mut Cluster::of(3));
    for label in [
        "Healthy",
        "3 nodes live, no problems",
        "Relay ● up",
        "Redis ● up",
        "Nodes ● 3 live",
        "node-1, live, 124 sessions of 500",
        "node-2, live, 177 sessions of 500",
        "node-3, live, 230 sessions of 500",
    ] {
        window.assert_has(label);
    }
    window.assert_words("531 of 1,500");
}

#[test]
fn worst_finding_is_shown_first() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    cluster.node_mut(0).state = MemberState::Suspect;
    cluster.node_mut(0).silent_ms = 1_600;
    window.advance(&mut cluster, 1);
    window.assert_has("Degraded");
    window.assert_words("node-1 is suspect");
    cluster.relay_mut().redis = RedisState::Away { since_ms: cluster.now_ms() - 3_000 };
    window.advance(&mut cluster, 1);
    window.assert_has("Critical");
    window.assert_words("Redis has not answered the relay for 3 s");
    window.assert_has("2 findings ▾");
}

#[test]
fn redis_error_text_is_shown() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    cluster.node_mut(0).load.redis_trouble = Some("NOPERM zadd (ask for the right)".into());
    window.advance(&mut cluster, 1);
    window.assert_words("node-1 has trouble with Redis: NOPERM zadd (ask for the right)");
    cluster.relay_mut().redis_trouble = Some("NOPERM zrem".into());
    window.advance(&mut cluster, 1);
    window.assert_has("Critical");
    window.assert_words("the relay has trouble with Redis: NOPERM zrem");
    cluster.relay_mut().redis = RedisState::Away { since_ms: cluster.now_ms() - 3_000 };
    cluster.relay_mut().redis_trouble = Some("WRONGPASS invalid".into());
    window.advance(&mut cluster, 1);
    window.assert_words("Redis has not answered the relay for 3 s (WRONGPASS invalid)");
}

#[test]
fn long_finding_does_not_push_components_out() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    cluster.relay_mut().redis = RedisState::Away { since_ms: cluster.now_ms() - 3_000 };
    cluster.relay_mut().redis_trouble = Some("WRONGPASS invalid ".repeat(30));
    cluster.node_mut(0).state = MemberState::Suspect;
    window.advance(&mut cluster, 1);
    window.draw();
    let bounds = |words: &str| {
        let mut found = window.harness.query_all_by_label_contains(words);
        found.next().expect(words).accesskit_node().raw_bounds().expect(words)
    };
    let (finding, more) = (bounds("WRONGPASS"), bounds("2 findings"));
    let (redis, relay) = (bounds("away for 3 s"), bounds("Relay ●"));
    assert!(finding.x1 <= more.x0 && more.x1 <= relay.x0 && relay.x1 <= redis.x0);
    let nodes = bounds("2 live, 1 suspect");
    assert!(redis.x1 <= nodes.x0 && nodes.x1 <= 1_280.0);
}

#[test]
fn dead_node_is_shown_with_result_of_purge() {
    let mut cluster = Cluster::of(3);
    let mut window = WindowHarness::onto(&mut cluster);
    cluster.kill(1).into_iter().for_each(|event| window.send_event(event));
    window.advance(&mut cluster, 1);
    window.assert_words(
        "node-2 is dead; 173 directory entries removed 1.9 s after its last response",
    );
    window.assert_has("node-2, dead, 0 sessions of 500");
    window.click("Events");
    window.assert_has("declared dead 1.6 s after its last response at 14:13:22.360");
}
