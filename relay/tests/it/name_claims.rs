//! Of two living processes with one name, the incumbent stays.

use quinn::ConnectionError;
use trunkline_link::close_code;
use trunkline_protocol::{Incarnation, control::MemberState};

use crate::{
    cluster::TestCluster,
    fake_node::{FakeNode, assert_forwards},
};

#[tokio::test]
async fn incumbent_that_answers_keeps_its_name() {
    let cluster = TestCluster::start();
    let mut a = FakeNode::join(&cluster, "a").await;
    let mut b = FakeNode::join(&cluster, "b").await;
    let Err(error) = FakeNode::join_as(&cluster, "a", Incarnation::fresh()).await else {
        panic!("the name is taken");
    };
    let ConnectionError::ApplicationClosed(close) = error else { panic!("{error}") };
    assert_eq!(close.error_code, close_code::NAME_TAKEN);
    assert!(String::from_utf8_lossy(&close.reason).contains("has the name a"));
    assert_forwards(&mut a, &mut b).await;
}

#[tokio::test]
async fn incumbent_that_does_not_answer_is_superseded() {
    let cluster = TestCluster::start();
    let frozen = FakeNode::join(&cluster, "a").await;
    let mut b = FakeNode::join(&cluster, "b").await;
    frozen.mute();
    let mut a = FakeNode::join_as(&cluster, "a", Incarnation::fresh()).await.unwrap();
    assert_eq!(frozen.closed().await.0, close_code::SUPERSEDED);
    assert_forwards(&mut a, &mut b).await;
}

#[tokio::test]
async fn reconnect_in_same_incarnation_supersedes_at_once() {
    let cluster = TestCluster::start();
    let old = FakeNode::join(&cluster, "a").await;
    let mut b = FakeNode::join(&cluster, "b").await;
    let mut new = FakeNode::join_as(&cluster, "a", old.incarnation).await.unwrap();
    assert_eq!(old.closed().await.0, close_code::SUPERSEDED);
    assert_forwards(&mut new, &mut b).await;
    b.await_state("a", MemberState::Live).await;
}

#[tokio::test]
async fn incarnation_of_another_node_is_rejected() {
    let cluster = TestCluster::start();
    let mut a = FakeNode::join(&cluster, "a").await;
    let mut b = FakeNode::join(&cluster, "b").await;
    let Err(error) = FakeNode::join_as(&cluster, "thief", a.incarnation).await else {
        panic!("it is a's");
    };
    let ConnectionError::ApplicationClosed(close) = error else { panic!("{error}") };
    assert_eq!(close.error_code, close_code::UNAUTHORIZED);
    assert_forwards(&mut a, &mut b).await;
}
