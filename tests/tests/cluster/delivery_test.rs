//! Delivery tests: the trace of a test message, as the operator sees it.

use std::time::Duration;

use trunkline_bench::{Engine, System, TrafficPace, Trunkline};
use trunkline_cli::{local_cluster::LocalCluster, status_stream::StatusStream};
use trunkline_protocol::{
    Outcome,
    lane::ReceiptStatus,
    status::{AdminCommand, Hop, Trace, TraceEvent},
};

use crate::support::{cluster, login};

/// An operator that runs delivery tests.
struct Operator {
    stream: StatusStream,
    commands: u64,
}

impl Operator {
    async fn of(cluster: &LocalCluster) -> Self {
        let (relay, certs) = (cluster.relay().address(), cluster.certs());
        let stream = StatusStream::open(relay, &certs, Duration::from_millis(200)).await.unwrap();
        Self { stream, commands: 0 }
    }

    async fn test(&mut self, user: &str, node: &str) -> Result<Trace, String> {
        self.commands += 1;
        let (user, node) = (user.parse().unwrap(), Some(node.parse().unwrap()));
        let answer =
            self.stream.command(self.commands, AdminCommand::Test { user, node }).await.unwrap();
        answer.map(|trace| *trace.expect("the answer to a delivery test has a trace"))
    }
}

/// Where each hop was, and its event's name on the wire.
fn hops(trace: &Trace) -> Vec<(&str, String)> {
    let name =
        |what: &TraceEvent| serde_json::to_value(what).unwrap()["step"].as_str().unwrap().into();
    trace.hops.iter().map(|hop| (hop.at.as_str(), name(&hop.what))).collect()
}

fn expected(all: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    all.iter().map(|&(at, step)| (at, step.to_owned())).collect()
}

#[tokio::test]
async fn trace_has_every_hop_of_a_test_message() {
    let cluster = cluster(2).await;
    let mut bob = login(&cluster, "node-2", "bob").await;
    let mut operator = Operator::of(&cluster).await;

    let trace = operator.test("bob", "node-1").await.unwrap();
    let message = bob.next_message().await.unwrap();
    assert_eq!((message.id, message.from.as_str()), (trace.message.clone(), "admin/admin"));
    assert_eq!((trace.outcome, trace.missed), (Outcome::Delivered, 0));
    let all = [
        ("node-1", "accepted"),
        ("node-1", "asked"),
        ("node-1", "found"),
        ("node-1", "batched"),
        ("relay-1", "passed"),
        ("node-2", "arrived"),
        ("node-2", "answered"),
        ("relay-1", "receipt_passed"),
        ("node-1", "came_back"),
    ];
    assert_eq!(hops(&trace), expected(&all), "{trace:#?}");
    assert!(trace.hops.is_sorted_by_key(|hop| hop.after_us), "{trace:#?}");
    assert!(trace.hops.iter().all(|hop| hop.after_us <= trace.took_us), "{trace:#?}");
    let taken = TraceEvent::Answered { status: ReceiptStatus::Taken, missed: 0 };
    assert!(trace.hops.iter().any(|hop| hop.what == taken), "{trace:#?}");

    let at_home = operator.test("bob", "node-2").await.unwrap();
    bob.next_message().await.unwrap();
    assert_eq!(at_home.outcome, Outcome::Delivered);
    assert!(at_home.hops.iter().all(|hop| hop.at.as_str() == "node-2"), "{at_home:#?}");
}

#[tokio::test]
async fn trace_shows_why_a_test_message_is_not_delivered() {
    let cluster = cluster(2).await;
    let mut operator = Operator::of(&cluster).await;
    let offline = operator.test("nobody", "node-1").await.unwrap();
    assert_eq!(offline.outcome, Outcome::Offline);
    // While a node may still be registering its users, a miss is asked again.
    let (found, asked) = offline.hops.split_last().unwrap();
    assert_eq!(found.what, TraceEvent::Found { nodes: Vec::new() }, "{offline:#?}");
    assert_eq!(asked[0].what, TraceEvent::Accepted, "{offline:#?}");
    let asks = |hop: &Hop| matches!(hop.what, TraceEvent::Asked | TraceEvent::NotAnswered);
    assert!(asked.len() > 1 && asked[1..].iter().all(asks), "{offline:#?}");
    assert!(offline.hops.iter().all(|hop| hop.at.as_str() == "node-1"), "{offline:#?}");

    let error = operator.test("bob", "node-9").await.unwrap_err();
    assert!(error.contains("node-9 has no link"), "{error}");
}

/// A load generator once took a test message for a fault, and logged the user in anew: it was gone for a
/// moment, and others' sends to it were `offline`.
#[tokio::test]
async fn delivery_tests_disturb_no_session() {
    const USERS: usize = 30;
    let cluster = cluster(2).await;
    let mut operator = Operator::of(&cluster).await;
    let mut load = Engine::<Trunkline>::new().unwrap();
    let system = System::from(&cluster);
    let users = (0..USERS).map(|user| (system.node(user), format!("user-{user}")));
    let sessions = load.log_in(users).unwrap();
    load.reconnect_to(system.nodes.clone());
    let pairs = (0..USERS).map(|from| (sessions[from], sessions[(from + 1) % USERS]));
    let traffic = load.traffic(TrafficPace::Open { per_second: 100.0 }, pairs, 128);
    load.start(traffic);
    for user in 0..USERS {
        let trace = operator.test(&format!("user-{user}"), "node-1").await.unwrap();
        assert_eq!(trace.outcome, Outcome::Delivered, "{trace:#?}");
        load.run(Duration::from_millis(20)).unwrap();
        assert_eq!(load.online(), USERS, "after the test of user-{user}");
    }
    load.stop(traffic);
    load.await_outcomes(&[traffic], Duration::from_secs(30)).unwrap();
    let counts = load.counts(traffic);
    // The last receipt may still be on its way.
    assert_eq!((counts.arrived, counts.refused), (counts.sent, 0), "{counts:?}");
}

#[tokio::test]
async fn trace_ends_at_a_paused_node() {
    let mut cluster = cluster(2).await;
    let _bob = login(&cluster, "node-2", "bob").await;
    let mut operator = Operator::of(&cluster).await;
    cluster.pause("node-2").unwrap();
    let trace = operator.test("bob", "node-1").await.unwrap();
    assert_eq!(trace.outcome, Outcome::Unconfirmed, "{trace:#?}");
    let last = trace.hops.last().unwrap();
    assert!(
        matches!(&last.what, TraceEvent::Passed { to, .. } if to.as_str() == "node-2"),
        "{trace:#?}"
    );
    cluster.resume("node-2").unwrap();
}
