//! What the window shows of a cluster, and of one that is gone.

use std::time::{Duration, Instant};

use eframe::egui::Key;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use trunkline_admin_gui::connection::Update;
use trunkline_protocol::{
    control::MemberState,
    status::{ClusterEvent, EventKind, NodeLoad, RedisState, Snapshot},
};

use crate::{
    generated::{Cluster, hello, line},
    window::Window,
};

fn lost() -> Update {
    let retry_at = Instant::now() + Duration::from_secs(2);
    Update::Lost { reason: "no answer".into(), retry_at }
}

#[test]
fn without_a_relay_it_says_what_is_missing_and_the_mend() {
    let mut window = Window::open();
    window.update(Update::Dialling);
    window.assert_words("Dialling the relay at 127.0.0.1:7400");
    window.update(lost());
    window.assert_has("no relay at 127.0.0.1:7400: retrying in 2 s; start one with `just up`");
    window.update(Update::Dialling);
    window.assert_has("no relay at 127.0.0.1:7400: retrying now; start one with `just up`");
    window.assert_has("no answer");
}

#[test]
fn the_nodes_are_listed_and_the_header_says_that_all_is_well() {
    let window = Window::onto(&mut Cluster::of(3));
    for label in [
        "Healthy",
        "3 nodes live, nothing is lost",
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
fn the_last_known_state_stays_while_the_relay_is_gone_and_it_comes_back_by_itself() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    window.update(lost());
    window.assert_has("Relay lost");
    window.assert_words("retrying in 2 s");
    window.assert_has("node-1, live, 124 sessions of 500");
    window.update(Update::Dialling);
    window.assert_has("Relay lost");
    window.watch(&mut cluster, 1);
    window.assert_has("Healthy");
    window.assert_has("Relay ● up");
    window.press("Events");
    window.assert_has("this window lost the relay: no answer");
    window.assert_has("this window is connected to the relay again");
}

#[test]
fn what_is_not_well_is_said_the_worst_first() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    cluster.node_mut(0).state = MemberState::Suspect;
    cluster.node_mut(0).silent_ms = 1_600;
    window.watch(&mut cluster, 1);
    window.assert_has("Degraded");
    window.assert_words("node-1 is suspect");
    cluster.relay_mut().redis = RedisState::Away { since_ms: cluster.now_ms() - 3_000 };
    window.watch(&mut cluster, 1);
    window.assert_has("Unhealthy");
    window.assert_words("Redis has not answered the relay for 3 s");
    window.assert_has("and 1 more");
}

#[test]
fn headline_tells_what_redis_says() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    cluster.node_mut(0).load.redis_trouble = Some("NOPERM zadd (ask for the right)".into());
    window.watch(&mut cluster, 1);
    window.assert_words("node-1 has trouble with Redis: NOPERM zadd (ask for the right)");
    cluster.relay_mut().redis_trouble = Some("NOPERM zrem".into());
    window.watch(&mut cluster, 1);
    window.assert_has("Unhealthy");
    window.assert_words("the relay has trouble with Redis: NOPERM zrem");
    cluster.relay_mut().redis = RedisState::Away { since_ms: cluster.now_ms() - 3_000 };
    cluster.relay_mut().redis_trouble = Some("WRONGPASS invalid".into());
    window.watch(&mut cluster, 1);
    window.assert_words("Redis has not answered the relay for 3 s (WRONGPASS invalid)");
}

#[test]
fn long_finding_leaves_the_parties_their_place() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    cluster.relay_mut().redis = RedisState::Away { since_ms: cluster.now_ms() - 3_000 };
    cluster.relay_mut().redis_trouble = Some("WRONGPASS invalid ".repeat(30));
    cluster.node_mut(0).state = MemberState::Suspect;
    window.watch(&mut cluster, 1);
    window.draw();
    let bounds = |words: &str| {
        let mut found = window.harness.query_all_by_label_contains(words);
        found.next().expect(words).accesskit_node().raw_bounds().expect(words)
    };
    let (finding, more) = (bounds("WRONGPASS"), bounds("and 1 more"));
    let (redis, relay) = (bounds("away for 3 s"), bounds("Relay ●"));
    assert!(finding.x1 <= more.x0 && more.x1 <= relay.x0 && relay.x1 <= redis.x0);
    let nodes = bounds("2 live, 1 suspect");
    assert!(redis.x1 <= nodes.x0 && nodes.x1 <= 1_280.0);
}

#[test]
fn a_dead_node_is_told_with_what_became_of_its_users() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    cluster.kill(1).into_iter().for_each(|event| window.happen(event));
    window.watch(&mut cluster, 1);
    window.assert_words("node-2 is dead; its 173 users were removed in 1.9 s");
    window.assert_has("node-2, dead, 0 sessions of 500");
    window.press("Events");
    window.assert_has("declared dead 1.6 s after it last responded");
}

#[test]
fn a_head_that_is_pressed_sorts() {
    let mut window = Window::onto(&mut Cluster::of(12));
    let order = |window: &Window| -> Vec<u64> {
        let number = |label: String| label[5..].split(',').next().unwrap().parse().unwrap();
        window.labels("sessions of").into_iter().map(number).collect()
    };
    assert_eq!(order(&window), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    window.press("node ↑");
    assert_eq!(order(&window)[..3], [12, 11, 10]);
    window.press("sessions");
    assert_eq!(order(&window)[..3], [7, 6, 12]);
}

#[test]
fn a_node_that_is_pressed_is_shown_closely_until_escape() {
    let mut window = Window::onto(&mut Cluster::of(3));
    window.press("node-2, live, 177 sessions of 500");
    for label in ["Close", "ws://127.0.0.1:9002/ws", "127.0.0.1:40001", "receipts"] {
        window.assert_has(label);
    }
    window.key(Key::Escape);
    assert!(!window.has("Close"));
}

#[test]
fn events_are_filtered_by_severity_and_by_words() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    let event = |at_ms, node: &str, kind| ClusterEvent {
        at_ms,
        node: Some(node.parse().unwrap()),
        incarnation: None,
        kind,
    };
    let now = cluster.now_ms();
    window.happen(event(now - 2_000, "node-1", EventKind::Joined));
    window.happen(event(now - 1_000, "node-2", EventKind::Suspect));
    window.happen(event(now - 500, "node-2", EventKind::Dead { verdict_ms: 1_500 }));
    window.press("Events");
    window.assert_has("3 events");
    window.press("Warnings and worse");
    window.assert_has("2 events");
    window.press("Bad only");
    window.assert_has("1 event");
    window.press("All");
    window.fill("with the words", "joined");
    window.assert_has("1 event");
    window.assert_has("its link was opened");
}

#[test]
fn every_part_shows_a_hundred_nodes() {
    let mut cluster = Cluster::of(100);
    let mut window = Window::onto(&mut cluster);
    for (tab, words) in [
        ("Nodes", "node-1, live"),
        ("Map", "node-100, live"),
        ("Traffic", "Busiest"),
        ("Charts", "Forwarded bytes / s"),
        ("Events", "0 events"),
        ("Users", "Users by node"),
    ] {
        window.press(tab);
        window.assert_words(words);
        window.watch(&mut cluster, 1);
    }
    assert_eq!(window.labels("no such thing"), [""; 0]);
}

#[test]
fn only_the_rows_that_fit_are_drawn() {
    let window = Window::onto(&mut Cluster::of(100));
    let rows = window.labels("sessions of").len();
    assert!((5..40).contains(&rows), "{rows} rows");
}

#[test]
fn what_a_new_relay_is_told_first_did_not_happen_just_now() {
    let mut window = Window::open();
    window.tell(hello(true));
    let mut cluster = Cluster::of(1);
    cluster.node_mut(0).load = NodeLoad::default();
    window.show(cluster.now());
    cluster.node_mut(0).load = NodeLoad { accepted: 1_000_000, ..NodeLoad::default() };
    window.show(Snapshot { at_ms: cluster.now_ms() + 500, ..cluster.now() });
    assert!(!window.has("2,000,000"), "{:#?}", window.labels("000"));
}

#[test]
fn charts_show_the_moment_that_the_window_was_taken_back_to() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    let then = ClusterEvent {
        at_ms: cluster.now_ms(),
        node: None,
        incarnation: None,
        kind: EventKind::RedisBack,
    };
    for _ in 0..100 {
        window.feed.updates.try_send(Update::Line(line(cluster.step(3_000)))).unwrap();
    }
    window.happen(then);
    window.press("Charts");
    window.press("1 min");
    window.press("Events");
    window.press("14:13:24");
    window.press("Charts");
    assert!(!window.has("— accepted –"), "{:#?}", window.labels("accepted"));
    window.assert_words("■ node-1 ");
}

#[test]
fn events_are_filtered_by_kind() {
    let mut cluster = Cluster::of(3);
    let mut window = Window::onto(&mut cluster);
    cluster.kill(1).into_iter().for_each(|event| window.happen(event));
    window.press("Events");
    let all = window.labels("node-2").len();
    window.choose("kind", "purged");
    window.assert_has("1 event");
    window.assert_words("173 entries removed from the directory, 3 users online elsewhere");
    assert!(window.labels("node-2").len() < all);
}
