//! The operator's window beside a real cluster: what it shows, held against Redis and against
//! what the load generator knows, figure by figure.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;
mod sight;

use std::time::Duration;

use trunkline_bench::{Engine, Pace, SessionId, System, Trunkline};

use crate::sight::Sight;

/// How many users log in at each node.
const USERS: usize = 20;

/// How many messages a second go from node to node, and how many stay on one.
const REMOTE: f64 = 300.0;
const LOCAL: f64 = 100.0;

type Load = Engine<Trunkline>;

/// A figure that is a rate: as near as a busy machine keeps the pace.
fn is_about(said: Option<&str>, expected: f64) -> bool {
    let said = said.and_then(|said| said.replace(',', "").parse::<f64>().ok());
    said.is_some_and(|said| (said - expected).abs() <= 0.25 * expected)
}

fn names() -> impl Iterator<Item = String> {
    (1..=3).map(|number| format!("node-{number}"))
}

#[tokio::test]
async fn what_the_window_shows_is_what_is() {
    let mut sight = Sight::open("nodes").await;
    let mut load = Load::new().unwrap();
    sight.until("three nodes, and all is well", &mut load, |says| {
        says.has("Well")
            && says.has("Nodes ● 3 live")
            && says.has("Relay ● up")
            && says.has("Redis ● up")
            && says.figure("sessions") == Some("0 of 1,500")
    });
    let sessions = log_in(&mut sight, &mut load).await;
    rates_move(&mut sight, &mut load, &sessions);
    a_kill_is_seen(&mut sight, &mut load).await;
    the_directory_is_shown(&mut sight, &mut load).await;
}

async fn log_in(sight: &mut Sight, load: &mut Load) -> Vec<SessionId> {
    let system = System::from(&sight.cluster);
    let users = (0..3 * USERS).map(|user| (system.node(user), format!("user-{user}")));
    let sessions = load.log_in(users).unwrap();
    sight.until("every session is counted", load, |says| {
        let row = |node| says.has(&format!("{node}, live, {USERS} sessions of 500"));
        says.figure("sessions") == Some("60 of 1,500") && names().all(row)
    });
    for node in names() {
        assert_eq!(sight.listed(&node).await, USERS, "in Redis, for {node}");
    }
    sessions
}

fn rates_move(sight: &mut Sight, load: &mut Load, sessions: &[SessionId]) {
    // Users stand on the nodes in turn: the next one is on the next node, the third on the same.
    let pairs = |step: usize| {
        let to = move |from: usize| (sessions[from], sessions[(from + step) % sessions.len()]);
        (0..sessions.len()).map(to)
    };
    let remote = load.traffic(Pace::Open { per_second: REMOTE }, pairs(1), 128);
    let local = load.traffic(Pace::Open { per_second: LOCAL }, pairs(3), 128);
    load.start(remote);
    load.start(local);
    sight.until("the rates are those of the load", load, |says| {
        let delivered =
            says.detail("delivered / s").and_then(|detail| detail.split_once(" local · "));
        let (here, elsewhere) = delivered.unzip();
        let each = |head: &str| names().all(|node| is_about(says.cell(&node, head), 400.0 / 3.0));
        is_about(says.figure("accepted / s"), REMOTE + LOCAL)
            && is_about(says.figure("delivered / s"), REMOTE + LOCAL)
            && is_about(here, LOCAL)
            && is_about(elsewhere.and_then(|words| words.strip_suffix(" remote")), REMOTE)
            && is_about(says.figure("forwarded / s"), REMOTE)
            && says.figure("p99").is_some_and(|p99| p99.ends_with("s"))
            && says.figure("not delivered / s") == Some("0")
            && each("in / s")
            && each("out / s")
            && names().all(|node| is_about(says.cell(&node, "forwarded / s"), REMOTE / 3.0))
    });
    load.stop(remote);
    load.stop(local);
    load.settle(&[remote, local], Duration::from_secs(10)).unwrap();
    for traffic in [remote, local] {
        let counts = load.counts(traffic);
        assert_eq!((counts.arrived, counts.refused), (counts.sent, 0), "{counts:?}");
    }
    sight.until("the rates fall to nothing", load, |says| {
        ["accepted / s", "delivered / s", "forwarded / s"]
            .iter()
            .all(|figure| says.figure(figure) == Some("0"))
    });
}

async fn a_kill_is_seen(sight: &mut Sight, load: &mut Load) {
    let left = System::from(&sight.cluster).nodes[..2].to_vec();
    load.come_back_at(left);
    sight.cluster.kill("node-3").await.unwrap();
    sight.until(
        "the node is dead, cleaned up after, and its users are back elsewhere",
        load,
        |says| {
            says.has("Nodes × 2 live, 1 dead")
                && says.has("node-3, dead, 0 sessions of 500")
                && says.mentions("node-3 is dead; its 20 users were removed in")
                && says.cell("node-3", "sessions") == Some("0")
                && says.cell("node-3", "in / s") == Some("–")
                && says.figure("sessions") == Some("60 of 1,000")
        },
    );
    assert_eq!(sight.listed("node-3").await, 0, "in Redis");
    assert_eq!(load.welcome(), 3 * USERS);
}

/// What the nodes say they have, and what the directory lists for them.
async fn the_directory_is_shown(sight: &mut Sight, load: &mut Load) {
    sight.turn_to("users");
    let mut listed = Vec::new();
    for node in ["node-1", "node-2"] {
        listed.push((node, sight.listed(node).await.to_string()));
    }
    sight.until("nodes, directory and window agree", load, |says| {
        listed.iter().all(|(node, users)| {
            says.cell(node, "the node says") == Some(users)
                && says.cell(node, "the directory has") == Some(users)
                && says.cell(node, "drift") == Some("none")
        })
    });
}
