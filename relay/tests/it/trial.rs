//! Test messages, through nodes that are not ours.

use trunkline_certs::Role;
use trunkline_protocol::{
    Outcome,
    control::{ToNode, ToRelay, TracedMessage},
    lane::{RECEIPT_LANE, ReceiptStatus},
    status::{AdminCommand, TraceEvent},
};

use crate::{
    cluster::{Cluster, name},
    node::{Node, followed_receipt, traced},
    operator::Operator,
};

fn test(node: &str) -> AdminCommand {
    AdminCommand::Test { user: "bob".parse().unwrap(), node: Some(name(node)) }
}

async fn asked(node: &mut Node) -> u64 {
    let pick = |message| match message {
        ToNode::Test { test, user, from } => {
            assert_eq!((user.as_str(), from.as_str()), ("bob", "admin/olga"));
            Some(test)
        }
        _ => None,
    };
    node.hear("a test", pick).await
}

#[tokio::test]
async fn the_steps_of_all_are_put_together() {
    let cluster = Cluster::start();
    let (mut a, mut b) = (Node::join(&cluster, "a").await, Node::join(&cluster, "b").await);
    let mut operator = Operator::look(&cluster, Role::Admin, 1_000).await;
    let id = operator.order(test("a")).await;
    let number = asked(&mut a).await;

    let message = TracedMessage { id_incarnation: a.incarnation, seq: 7 };
    let walked = |after_us, what| ToRelay::Traced { message, after_us, what };
    a.say(walked(0, TraceEvent::Accepted)).await;
    a.say(walked(5, TraceEvent::Batched { to: name("b"), lane: 2 })).await;
    a.write(2, &traced(b.incarnation, a.incarnation, 7)).await;
    assert!(b.arrival().await.header.traced, "the flag goes on");
    b.say(walked(0, TraceEvent::Arrived { sessions: 1 })).await;
    b.write(RECEIPT_LANE, &followed_receipt(a.incarnation, 7)).await;
    assert!(a.arrival().await.header.traced);
    a.say(walked(10_000_000, TraceEvent::CameBack { from: name("b") })).await;
    let (took_us, outcome) = (10_000_000, Outcome::Delivered);
    a.say(ToRelay::Tested { test: number, message, took_us, outcome, missed: 0 }).await;
    // What is told last may come last.
    b.say(walked(40, TraceEvent::Answered { status: ReceiptStatus::Taken, missed: 0 })).await;

    let walk = operator.answer_to(id).await.unwrap().unwrap();
    assert_eq!((walk.from.as_str(), walk.outcome), ("a", Outcome::Delivered));
    let at: Vec<_> = walk.hops.iter().map(|step| step.at.as_str()).collect();
    assert_eq!(at, ["a", "a", "relay-1", "b", "b", "relay-1", "a"], "{walk:#?}");
    assert!(walk.hops.is_sorted_by_key(|step| step.after_us), "{walk:#?}");
}

#[tokio::test]
async fn a_node_that_goes_before_it_told_the_outcome_is_named() {
    let cluster = Cluster::start();
    let (mut a, _b) = (Node::join(&cluster, "a").await, Node::join(&cluster, "b").await);
    let mut operator = Operator::look(&cluster, Role::Admin, 1_000).await;
    let id = operator.order(test("a")).await;
    asked(&mut a).await;
    // The stream goes on while the test is under way.
    operator.snapshot("a snapshot", |_| true).await;
    a.hang_up();
    let error = operator.answer_to(id).await.unwrap_err();
    assert!(error.contains("a lost its link"), "{error}");
}

#[tokio::test]
async fn only_so_many_are_under_way() {
    let cluster = Cluster::start();
    let _a = Node::join(&cluster, "a").await;
    let mut operator = Operator::look(&cluster, Role::Admin, 60_000).await;
    for _ in 0..trunkline_relay::defaults::TESTS_MAX {
        operator.order(test("a")).await;
    }
    let id = operator.order(test("a")).await;
    let error = operator.answer_to(id).await.unwrap_err();
    assert!(error.contains("under way"), "{error}");
}
