//! Delivery tests, through hand-made nodes.

use trunkline_certs::Role;
use trunkline_protocol::{
    Outcome,
    control::{ToNode, ToRelay, TracedMessage},
    lane::{RECEIPT_LANE, ReceiptStatus},
    status::{AdminCommand, TraceEvent},
};

use crate::{
    admin_client::AdminClient,
    batches::{traced, traced_receipt},
    cluster::{TestCluster, name},
    fake_node::FakeNode,
};

fn test(node: &str) -> AdminCommand {
    AdminCommand::Test { user: "bob".parse().unwrap(), node: Some(name(node)) }
}

async fn requested_test(node: &mut FakeNode) -> u64 {
    let pick = |message| match message {
        ToNode::Test { test, user, from } => {
            assert_eq!((user.as_str(), from.as_str()), ("bob", "admin/olga"));
            Some(test)
        }
        _ => None,
    };
    node.receive("a test", pick).await
}

#[tokio::test]
async fn trace_merges_hops_of_all_processes() {
    let cluster = TestCluster::start();
    let (mut a, mut b) = (FakeNode::join(&cluster, "a").await, FakeNode::join(&cluster, "b").await);
    let mut admin = AdminClient::connect(&cluster, Role::Admin, 1_000).await;
    let id = admin.send_command(test("a")).await;
    let number = requested_test(&mut a).await;

    let message = TracedMessage { id_incarnation: a.incarnation, seq: 7 };
    let traced_event = |after_us, what| ToRelay::Traced { message, after_us, what };
    a.send(traced_event(0, TraceEvent::Accepted)).await;
    a.send(traced_event(5, TraceEvent::Batched { to: name("b"), lane: 2 })).await;
    a.write(2, &traced(b.incarnation, a.incarnation, 7)).await;
    assert!(b.next_batch().await.header.traced, "the flag is forwarded");
    b.send(traced_event(0, TraceEvent::Arrived { sessions: 1 })).await;
    b.write(RECEIPT_LANE, &traced_receipt(a.incarnation, 7)).await;
    assert!(a.next_batch().await.header.traced);
    a.send(traced_event(10_000_000, TraceEvent::CameBack { from: name("b") })).await;
    let (took_us, outcome) = (10_000_000, Outcome::Delivered);
    a.send(ToRelay::Tested { test: number, message, took_us, outcome, missed: 0 }).await;
    // The last event may come after the outcome.
    b.send(traced_event(40, TraceEvent::Answered { status: ReceiptStatus::Taken, missed: 0 }))
        .await;

    let trace = admin.answer_to(id).await.unwrap().unwrap();
    assert_eq!((trace.from.as_str(), trace.outcome), ("a", Outcome::Delivered));
    let at: Vec<_> = trace.hops.iter().map(|hop| hop.at.as_str()).collect();
    assert_eq!(at, ["a", "a", "relay-1", "b", "b", "relay-1", "a"], "{trace:#?}");
    assert!(trace.hops.is_sorted_by_key(|hop| hop.after_us), "{trace:#?}");
}

#[tokio::test]
async fn lost_link_before_the_outcome_names_the_node() {
    let cluster = TestCluster::start();
    let (mut a, _b) = (FakeNode::join(&cluster, "a").await, FakeNode::join(&cluster, "b").await);
    let mut admin = AdminClient::connect(&cluster, Role::Admin, 1_000).await;
    let id = admin.send_command(test("a")).await;
    requested_test(&mut a).await;
    // The stream continues while the test is running.
    admin.snapshot("a snapshot", |_| true).await;
    a.disconnect();
    let error = admin.answer_to(id).await.unwrap_err();
    assert!(error.contains("a lost its link"), "{error}");
}

#[tokio::test]
async fn delivery_tests_are_bounded() {
    let cluster = TestCluster::start();
    let _a = FakeNode::join(&cluster, "a").await;
    let mut admin = AdminClient::connect(&cluster, Role::Admin, 60_000).await;
    for _ in 0..trunkline_relay::defaults::TESTS_MAX {
        admin.send_command(test("a")).await;
    }
    let id = admin.send_command(test("a")).await;
    let error = admin.answer_to(id).await.unwrap_err();
    assert!(error.contains("are running"), "{error}");
}
