//! Of two living processes with one name, the one that has it stays.

use quinn::ConnectionError;
use trunkline_link::close_code;
use trunkline_protocol::{Incarnation, control::MemberState};

use crate::{
    cluster::Cluster,
    node::{Node, assert_serves},
};

#[tokio::test]
async fn an_incumbent_that_answers_keeps_its_name() {
    let cluster = Cluster::start();
    let mut a = Node::join(&cluster, "a").await;
    let mut b = Node::join(&cluster, "b").await;
    let Err(error) = Node::join_as(&cluster, "a", Incarnation::fresh()).await else {
        panic!("the name is taken");
    };
    let ConnectionError::ApplicationClosed(close) = error else { panic!("{error}") };
    assert_eq!(close.error_code, close_code::NAME_TAKEN);
    assert!(String::from_utf8_lossy(&close.reason).contains("has the name a"));
    assert_serves(&mut a, &mut b).await;
}

#[tokio::test]
async fn an_incumbent_that_does_not_answer_is_superseded() {
    let cluster = Cluster::start();
    let frozen = Node::join(&cluster, "a").await;
    let mut b = Node::join(&cluster, "b").await;
    frozen.fall_silent();
    let mut a = Node::join_as(&cluster, "a", Incarnation::fresh()).await.unwrap();
    assert_eq!(frozen.closed().await.0, close_code::SUPERSEDED);
    assert_serves(&mut a, &mut b).await;
}

#[tokio::test]
async fn a_redial_in_the_same_incarnation_takes_its_own_place_at_once() {
    let cluster = Cluster::start();
    let old = Node::join(&cluster, "a").await;
    let mut b = Node::join(&cluster, "b").await;
    let mut new = Node::join_as(&cluster, "a", old.incarnation).await.unwrap();
    assert_eq!(old.closed().await.0, close_code::SUPERSEDED);
    assert_serves(&mut new, &mut b).await;
    b.see("a", MemberState::Live).await;
}

#[tokio::test]
async fn nobody_takes_another_nodes_incarnation() {
    let cluster = Cluster::start();
    let mut a = Node::join(&cluster, "a").await;
    let mut b = Node::join(&cluster, "b").await;
    let Err(error) = Node::join_as(&cluster, "thief", a.incarnation).await else {
        panic!("it is a's");
    };
    let ConnectionError::ApplicationClosed(close) = error else { panic!("{error}") };
    assert_eq!(close.error_code, close_code::UNAUTHORIZED);
    assert_serves(&mut a, &mut b).await;
}
