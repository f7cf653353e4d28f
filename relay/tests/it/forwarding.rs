//! Forwarding between well-behaved, hand-made nodes.

use trunkline_link::close_code;
use trunkline_protocol::{
    Incarnation,
    control::{MemberState, ToRelay},
    lane::{BatchKind, LANES, RECEIPT_LANE},
};

use crate::{
    batches::{message, receipt},
    cluster::TestCluster,
    fake_node::{FakeNode, assert_forwards},
};

#[tokio::test]
async fn batch_arrives_on_its_lane_with_only_its_origin_changed() {
    let cluster = TestCluster::start();
    let (mut a, mut b) = (FakeNode::join(&cluster, "a").await, FakeNode::join(&cluster, "b").await);
    for lane in 0..RECEIPT_LANE {
        let sent = message(b.incarnation, 7, b"[1,2]");
        a.write(lane, &sent).await;
        let arrival = b.next_batch().await;
        assert_eq!(arrival.lane, lane);
        assert_eq!((arrival.header.peer, arrival.header.batch), (a.incarnation, 7));
        assert!(sent.ends_with(&arrival.frames) && !arrival.frames.is_empty());
    }
    b.write(RECEIPT_LANE, &receipt(a.incarnation, 9)).await;
    let arrival = a.next_batch().await;
    assert_eq!((arrival.lane, arrival.header.kind), (LANES - 1, BatchKind::Receipts));
    assert_eq!((arrival.header.peer, arrival.header.first), (b.incarnation, 9));
}

#[tokio::test]
async fn lane_keeps_order() {
    let cluster = TestCluster::start();
    let (mut a, mut b) = (FakeNode::join(&cluster, "a").await, FakeNode::join(&cluster, "b").await);
    let b_address = b.incarnation;
    let sending = async {
        for batch in 0..2_000 {
            a.write(1, &message(b_address, batch, &[b'1'; 300])).await;
        }
    };
    let reading = async {
        for batch in 0..2_000 {
            assert_eq!(b.next_batch().await.header.batch, batch);
        }
    };
    tokio::join!(sending, reading);
}

#[tokio::test]
async fn batch_to_unlinked_node_is_refused_as_gone() {
    let cluster = TestCluster::start();
    let mut a = FakeNode::join(&cluster, "a").await;
    let nobody = Incarnation::fresh();
    a.write(2, &message(nobody, 5, b"{}")).await;
    let arrival = a.next_batch().await;
    assert_eq!((arrival.lane, arrival.header.kind), (RECEIPT_LANE, BatchKind::RefusedGone));
    assert_eq!((arrival.header.peer, arrival.header.batch), (nobody, 5));
    assert!(arrival.frames.is_empty());
}

#[tokio::test]
async fn batch_to_full_lane_is_refused_and_others_are_forwarded() {
    let cluster = TestCluster::start();
    let (mut a, mut b) = (FakeNode::join(&cluster, "a").await, FakeNode::join(&cluster, "b").await);
    let deaf = FakeNode::join_deaf(&cluster, "deaf").await;
    let address = deaf.incarnation;

    // More than quinn's buffers and the relay's lane hold.
    let large = message(address, 1, &[b'1'; 250_000]);
    for _ in 0..100 {
        a.write(0, &large).await;
    }
    let refused = a.next_batch().await;
    assert_eq!((refused.header.kind, refused.header.peer), (BatchKind::RefusedFull, address));
    while a.batches.try_recv().is_ok() {}
    a.write(3, &message(b.incarnation, 2, b"{}")).await;
    assert_eq!(b.next_batch().await.header.batch, 2);
}

#[tokio::test]
async fn new_incarnation_on_same_link_is_the_new_address() {
    let cluster = TestCluster::start();
    let (mut a, mut b) = (FakeNode::join(&cluster, "a").await, FakeNode::join(&cluster, "b").await);
    let former = b.incarnation;
    b.change_incarnation().await;
    let renewed = b.incarnation;
    let pick = |message| match message {
        trunkline_protocol::control::ToNode::Members { members, .. } => {
            members.into_iter().find(|member| member.incarnation == renewed)
        }
        _ => None,
    };
    assert_eq!(a.receive("the new incarnation", pick).await.state, MemberState::Live);
    a.write(0, &message(former, 1, b"{}")).await;
    assert_eq!(a.next_batch().await.header.kind, BatchKind::RefusedGone);
    assert_forwards(&mut a, &mut b).await;
}

#[tokio::test]
async fn members_are_announced() {
    let cluster = TestCluster::start();
    let mut a = FakeNode::join(&cluster, "a").await;
    let b = FakeNode::join(&cluster, "b").await;
    let member = a.await_state("b", MemberState::Live).await;
    assert_eq!((member.incarnation, member.capacity), (b.incarnation, 500));
    b.send(ToRelay::Draining).await;
    a.await_state("b", MemberState::Draining).await;
    b.send(ToRelay::Bye).await;
    a.await_state("b", MemberState::Left).await;
    assert_eq!(b.closed().await.0, close_code::BYE);
}
