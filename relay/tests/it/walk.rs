//! Two well-behaved nodes that are not ours.

use trunkline_link::close_code;
use trunkline_protocol::{
    Incarnation,
    control::{MemberState, ToRelay},
    lane::{BatchKind, LANES, RECEIPT_LANE},
};

use crate::{
    cluster::Cluster,
    node::{Node, assert_serves, message, receipt},
};

#[tokio::test]
async fn batches_arrive_on_their_lane_with_their_origin_and_nothing_else_changed() {
    let cluster = Cluster::start();
    let (mut a, mut b) = (Node::join(&cluster, "a").await, Node::join(&cluster, "b").await);
    for lane in 0..RECEIPT_LANE {
        let sent = message(b.incarnation, 7, b"[1,2]");
        a.write(lane, &sent).await;
        let arrival = b.arrival().await;
        assert_eq!(arrival.lane, lane);
        assert_eq!((arrival.header.peer, arrival.header.batch), (a.incarnation, 7));
        assert!(sent.ends_with(&arrival.frames) && !arrival.frames.is_empty());
    }
    b.write(RECEIPT_LANE, &receipt(a.incarnation, 9)).await;
    let arrival = a.arrival().await;
    assert_eq!((arrival.lane, arrival.header.kind), (LANES - 1, BatchKind::Receipts));
    assert_eq!((arrival.header.peer, arrival.header.first), (b.incarnation, 9));
}

#[tokio::test]
async fn what_is_on_one_lane_stays_in_order() {
    let cluster = Cluster::start();
    let (mut a, mut b) = (Node::join(&cluster, "a").await, Node::join(&cluster, "b").await);
    let b_address = b.incarnation;
    let sending = async {
        for batch in 0..2_000 {
            a.write(1, &message(b_address, batch, &[b'1'; 300])).await;
        }
    };
    let reading = async {
        for batch in 0..2_000 {
            assert_eq!(b.arrival().await.header.batch, batch);
        }
    };
    tokio::join!(sending, reading);
}

#[tokio::test]
async fn who_has_no_link_is_refused_as_gone() {
    let cluster = Cluster::start();
    let mut a = Node::join(&cluster, "a").await;
    let nobody = Incarnation::fresh();
    a.write(2, &message(nobody, 5, b"{}")).await;
    let arrival = a.arrival().await;
    assert_eq!((arrival.lane, arrival.header.kind), (RECEIPT_LANE, BatchKind::RefusedGone));
    assert_eq!((arrival.header.peer, arrival.header.batch), (nobody, 5));
    assert!(arrival.frames.is_empty());
}

#[tokio::test]
async fn a_node_that_does_not_read_is_refused_as_full_and_hurts_nobody() {
    let cluster = Cluster::start();
    let (mut a, mut b) = (Node::join(&cluster, "a").await, Node::join(&cluster, "b").await);
    let deaf = Node::join_deaf(&cluster, "deaf").await;
    let address = deaf.incarnation;

    // What waits in quinn on the way, and then in the relay's lane, is less than this.
    let large = message(address, 1, &[b'1'; 250_000]);
    for _ in 0..100 {
        a.write(0, &large).await;
    }
    let refused = a.arrival().await;
    assert_eq!((refused.header.kind, refused.header.peer), (BatchKind::RefusedFull, address));
    while a.arrivals.try_recv().is_ok() {}
    a.write(3, &message(b.incarnation, 2, b"{}")).await;
    assert_eq!(b.arrival().await.header.batch, 2);
}

#[tokio::test]
async fn a_new_incarnation_on_the_same_link_is_the_new_address() {
    let cluster = Cluster::start();
    let (mut a, mut b) = (Node::join(&cluster, "a").await, Node::join(&cluster, "b").await);
    let former = b.incarnation;
    b.renew().await;
    let renewed = b.incarnation;
    let pick = |message| match message {
        trunkline_protocol::control::ToNode::Members { members, .. } => {
            members.into_iter().find(|member| member.incarnation == renewed)
        }
        _ => None,
    };
    assert_eq!(a.hear("the new incarnation", pick).await.state, MemberState::Live);
    a.write(0, &message(former, 1, b"{}")).await;
    assert_eq!(a.arrival().await.header.kind, BatchKind::RefusedGone);
    assert_serves(&mut a, &mut b).await;
}

#[tokio::test]
async fn nodes_are_told_of_each_other_and_of_leaving() {
    let cluster = Cluster::start();
    let mut a = Node::join(&cluster, "a").await;
    let b = Node::join(&cluster, "b").await;
    let member = a.see("b", MemberState::Live).await;
    assert_eq!((member.incarnation, member.capacity), (b.incarnation, 500));
    b.say(ToRelay::Draining).await;
    a.see("b", MemberState::Draining).await;
    b.say(ToRelay::Bye).await;
    a.see("b", MemberState::Left).await;
    assert_eq!(b.closed().await.0, close_code::BYE);
}
