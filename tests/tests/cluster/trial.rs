//! Why did bob not get it? A test message's walk, as the operator is told it.

use std::time::Duration;

use trunkline_cli::{local_cluster::Cluster, status_stream::StatusStream};
use trunkline_protocol::{
    Outcome,
    lane::ReceiptStatus,
    status::{AdminCommand, Hop, Trace, TraceEvent},
};

use crate::support::{cluster, login};

/// An operator who sends test messages.
struct Operator {
    stream: StatusStream,
    commands: u64,
}

impl Operator {
    async fn of(cluster: &Cluster) -> Self {
        let (relay, certs) = (cluster.relay().address(), cluster.certs());
        let stream = StatusStream::open(relay, &certs, Duration::from_millis(200)).await.unwrap();
        Self { stream, commands: 0 }
    }

    async fn test(&mut self, user: &str, node: &str) -> Result<Trace, String> {
        self.commands += 1;
        let (user, node) = (user.parse().unwrap(), Some(node.parse().unwrap()));
        let answer =
            self.stream.command(self.commands, AdminCommand::Test { user, node }).await.unwrap();
        answer.map(|walk| *walk.expect("the answer to a test has its walk"))
    }
}

/// Where each step was taken, and its name on the wire.
fn steps(walk: &Trace) -> Vec<(&str, String)> {
    let name =
        |what: &TraceEvent| serde_json::to_value(what).unwrap()["step"].as_str().unwrap().into();
    walk.hops.iter().map(|step| (step.at.as_str(), name(&step.what))).collect()
}

fn expected(all: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    all.iter().map(|&(at, step)| (at, step.to_owned())).collect()
}

#[tokio::test]
async fn every_hop_of_a_test_message_is_told() {
    let cluster = cluster(2).await;
    let mut bob = login(&cluster, "node-2", "bob").await;
    let mut operator = Operator::of(&cluster).await;

    let walk = operator.test("bob", "node-1").await.unwrap();
    let message = bob.next_message().await.unwrap();
    assert_eq!((message.id, message.from.as_str()), (walk.message.clone(), "admin/admin"));
    assert_eq!((walk.outcome, walk.missed), (Outcome::Delivered, 0));
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
    assert_eq!(steps(&walk), expected(&all), "{walk:#?}");
    assert!(walk.hops.is_sorted_by_key(|step| step.after_us), "{walk:#?}");
    assert!(walk.hops.iter().all(|step| step.after_us <= walk.took_us), "{walk:#?}");
    let taken = TraceEvent::Answered { status: ReceiptStatus::Taken, missed: 0 };
    assert!(walk.hops.iter().any(|step| step.what == taken), "{walk:#?}");

    let at_home = operator.test("bob", "node-2").await.unwrap();
    bob.next_message().await.unwrap();
    assert_eq!(at_home.outcome, Outcome::Delivered);
    assert!(at_home.hops.iter().all(|step| step.at.as_str() == "node-2"), "{at_home:#?}");
}

#[tokio::test]
async fn why_a_test_message_does_not_arrive_is_told() {
    let cluster = cluster(2).await;
    let mut operator = Operator::of(&cluster).await;
    let nowhere = operator.test("nobody", "node-1").await.unwrap();
    assert_eq!(nowhere.outcome, Outcome::Offline);
    // Of a node that has only just come, no miss is believed at first.
    let (found, asked) = nowhere.hops.split_last().unwrap();
    assert_eq!(found.what, TraceEvent::Found { nodes: Vec::new() }, "{nowhere:#?}");
    assert_eq!(asked[0].what, TraceEvent::Accepted, "{nowhere:#?}");
    let asks = |step: &Hop| matches!(step.what, TraceEvent::Asked | TraceEvent::NotAnswered);
    assert!(asked.len() > 1 && asked[1..].iter().all(asks), "{nowhere:#?}");
    assert!(nowhere.hops.iter().all(|step| step.at.as_str() == "node-1"), "{nowhere:#?}");

    let error = operator.test("bob", "node-9").await.unwrap_err();
    assert!(error.contains("node-9 has no link"), "{error}");
}

#[tokio::test]
async fn a_node_that_swallows_messages_is_where_the_walk_ends() {
    let mut cluster = cluster(2).await;
    let _bob = login(&cluster, "node-2", "bob").await;
    let mut operator = Operator::of(&cluster).await;
    cluster.pause("node-2").unwrap();
    let walk = operator.test("bob", "node-1").await.unwrap();
    assert_eq!(walk.outcome, Outcome::Unconfirmed, "{walk:#?}");
    let last = walk.hops.last().unwrap();
    assert!(
        matches!(&last.what, TraceEvent::Passed { to, .. } if to.as_str() == "node-2"),
        "{walk:#?}"
    );
    cluster.resume("node-2").unwrap();
}
