//! The operator's window of a real cluster: each value is compared with Redis and with the load
//! generator's.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod incident;
mod program;
mod window_test;

use std::time::Duration;

use trunkline_bench::{Engine, SessionId, System, TrafficPace, Trunkline};

use crate::window_test::WindowTest;

/// How many users log in on each node.
const USERS: usize = 20;

/// Messages a second between nodes, and within one node.
const REMOTE: f64 = 300.0;
const LOCAL: f64 = 100.0;

type Load = Engine<Trunkline>;

/// Whether a rate is within the tolerance of a busy machine.
fn is_about(shown: Option<&str>, expected: f64) -> bool {
    let shown = shown.and_then(|said| said.replace(',', "").parse::<f64>().ok());
    shown.is_some_and(|shown| (shown - expected).abs() <= 0.25 * expected)
}

fn names() -> impl Iterator<Item = String> {
    (1..=3).map(|number| format!("node-{number}"))
}

#[tokio::test]
async fn window_shows_the_state_of_the_cluster() {
    let mut test = WindowTest::open("nodes").await;
    let mut load = Load::new().unwrap();
    test.until("three nodes, and all is well", &mut load, |text| {
        text.has("Healthy")
            && text.has("Nodes ● 3 live")
            && text.has("Relay ● up")
            && text.has("Redis ● up")
            && text.value("sessions") == Some("0 of 1,500")
    });
    let sessions = log_in(&mut test, &mut load).await;
    rates_move(&mut test, &mut load, &sessions);
    kill_is_shown(&mut test, &mut load).await;
    directory_is_shown(&mut test, &mut load).await;
}

async fn log_in(test: &mut WindowTest, load: &mut Load) -> Vec<SessionId> {
    let system = System::from(&test.cluster);
    let users = (0..3 * USERS).map(|user| (system.node(user), format!("user-{user}")));
    let sessions = load.log_in(users).unwrap();
    test.until("every session is counted", load, |text| {
        let row = |node| text.has(&format!("{node}, live, {USERS} sessions of 500"));
        text.value("sessions") == Some("60 of 1,500") && names().all(row)
    });
    for node in names() {
        assert_eq!(test.listed(&node).await, USERS, "in Redis, for {node}");
    }
    sessions
}

fn rates_move(test: &mut WindowTest, load: &mut Load, sessions: &[SessionId]) {
    // Users are distributed over the nodes: the next one is on the next node, the third on the same.
    let pairs = |step: usize| {
        let to = move |from: usize| (sessions[from], sessions[(from + step) % sessions.len()]);
        (0..sessions.len()).map(to)
    };
    let remote = load.traffic(TrafficPace::Open { per_second: REMOTE }, pairs(1), 128);
    let local = load.traffic(TrafficPace::Open { per_second: LOCAL }, pairs(3), 128);
    load.start(remote);
    load.start(local);
    test.until("the rates are those of the load", load, |text| {
        let delivered = text.description("delivered / s").and_then(|text| text.rsplit_once(": "));
        let (here, elsewhere) = delivered.and_then(|(_, by)| by.split_once(" local · ")).unzip();
        let each = |head: &str| names().all(|node| is_about(text.cell(&node, head), 400.0 / 3.0));
        is_about(text.value("accepted / s"), REMOTE + LOCAL)
            && is_about(text.value("delivered / s"), REMOTE + LOCAL)
            && is_about(here, LOCAL)
            && is_about(elsewhere.and_then(|words| words.strip_suffix(" remote.")), REMOTE)
            && is_about(text.value("forwarded / s"), REMOTE)
            && text.value("p99").is_some_and(|p99| p99.ends_with("s"))
            && text.value("not delivered / s") == Some("0")
            && each("in / s")
            && each("out / s")
            && names().all(|node| is_about(text.cell(&node, "forwarded / s"), REMOTE / 3.0))
    });
    load.stop(remote);
    load.stop(local);
    load.await_outcomes(&[remote, local], Duration::from_secs(10)).unwrap();
    for traffic in [remote, local] {
        let counts = load.counts(traffic);
        assert_eq!((counts.arrived, counts.refused), (counts.sent, 0), "{counts:?}");
    }
    test.until("the rates fall to nothing", load, |text| {
        ["accepted / s", "delivered / s", "forwarded / s"]
            .iter()
            .all(|label| text.value(label) == Some("0"))
    });
}

async fn kill_is_shown(test: &mut WindowTest, load: &mut Load) {
    let left = System::from(&test.cluster).nodes[..2].to_vec();
    load.reconnect_to(left);
    test.cluster.kill("node-3").await.unwrap();
    test.until(
        "the node is dead, cleaned up after, and its users are back elsewhere",
        load,
        |text| {
            text.has("Nodes × 2 live, 1 dead")
                && text.has("node-3, dead, 0 sessions of 500")
                && text.mentions("node-3 is dead; 20 directory entries removed")
                && text.cell("node-3", "sessions") == Some("0")
                && text.cell("node-3", "in / s") == Some("–")
                && text.value("sessions") == Some("60 of 1,000")
        },
    );
    assert_eq!(test.listed("node-3").await, 0, "in Redis");
    assert_eq!(load.online(), 3 * USERS);
}

/// The nodes' own counts, and the directory's.
async fn directory_is_shown(test: &mut WindowTest, load: &mut Load) {
    test.reopen("users");
    let mut listed = Vec::new();
    for node in ["node-1", "node-2"] {
        listed.push((node, test.listed(node).await.to_string()));
    }
    test.until("nodes, directory and window agree", load, |text| {
        listed.iter().all(|(node, users)| {
            text.cell(node, "node reports") == Some(users)
                && text.cell(node, "directory lists") == Some(users)
                && text.cell(node, "drift") == Some("none")
        })
    });
}
