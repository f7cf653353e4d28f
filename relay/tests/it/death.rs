//! Nodes that die, and what becomes of their users; and nodes that do not, and keep theirs.

use std::time::{Duration, Instant};

use trunkline_certs::Role;
use trunkline_directory::Directory;
use trunkline_link::close_code;
use trunkline_protocol::{
    Incarnation, User,
    control::{MemberState, ToNode},
    status::{ClusterEvent, EventKind},
};

use crate::{
    cluster::{Cluster, name, until},
    node::Node,
    operator::Operator,
};

fn users(count: usize) -> impl Iterator<Item = User> {
    (0..count).map(|number| format!("user-{number}").parse().unwrap())
}

async fn is_clean(directory: &Directory, incarnation: Incarnation) -> bool {
    let listed = directory.incarnations().await.unwrap();
    listed.iter().all(|&(listed, _)| listed != incarnation)
}

async fn online(directory: &Directory, count: usize) -> usize {
    let mut online = 0;
    for user in users(count) {
        online += usize::from(!directory.look_up(&user).await.unwrap().is_empty());
    }
    online
}

fn cleaned(event: &ClusterEvent) -> (u64, u64) {
    match event.kind {
        EventKind::Cleaned { removed, kept, .. } => (removed, kept),
        _ => panic!("{event:?}"),
    }
}

#[tokio::test]
async fn a_killed_node_leaves_no_ghost() {
    let cluster = Cluster::start();
    let directory = cluster.directory();
    let mut operator = Operator::look(&cluster, Role::Admin, 1_000).await;
    let mut witness = Node::join(&cluster, "witness").await;
    let victim = Node::join(&cluster, "victim").await;
    victim.register(&cluster, users(500)).await;
    // One has a session elsewhere, too.
    witness.register(&cluster, users(1)).await;

    let killed = Instant::now();
    let incarnation = victim.kill().await;
    until("no ghosts", async || online(&directory, 500).await == 1).await;
    println!("no ghost after {:?}", killed.elapsed());
    assert_eq!(witness.see("victim", MemberState::Dead).await.incarnation, incarnation);
    let dead = operator.event_of("victim", |kind| matches!(kind, EventKind::Dead { .. })).await;
    println!("{dead:?}");
    let event = operator.event_of("victim", |kind| matches!(kind, EventKind::Cleaned { .. })).await;
    println!("{event:?}");
    assert_eq!(cleaned(&event), (500, 1));
    assert!(is_clean(&directory, incarnation).await);
    let held = directory.look_up(&users(1).next().unwrap()).await.unwrap();
    assert_eq!(held, [(name("witness"), witness.incarnation)]);
}

#[tokio::test]
async fn a_frozen_node_whose_lease_lapses_is_told_that_it_was_condemned() {
    let cluster = Cluster::start();
    let directory = cluster.directory();
    let mut witness = Node::join(&cluster, "witness").await;
    let mut frozen = Node::join(&cluster, "frozen").await;
    frozen.register(&cluster, users(3)).await;
    frozen.fall_silent();
    frozen.stop_renewing();
    witness.see("frozen", MemberState::Suspect).await;
    witness.see("frozen", MemberState::Dead).await;
    let incarnation = frozen.incarnation;
    let pick = |message| matches!(message, ToNode::DeclaredDead { incarnation: condemned } if condemned == incarnation);
    frozen.hear("its verdict", |message| pick(message).then_some(())).await;
    assert_eq!(frozen.closed().await.0, close_code::DECLARED_DEAD);
    until("no ghosts", async || is_clean(&directory, incarnation).await).await;
    assert_eq!(online(&directory, 3).await, 0);

    // What was condemned does not come back; its process takes another incarnation.
    assert!(Node::join_as(&cluster, "frozen", incarnation).await.is_err());
    let _thawed = Node::join(&cluster, "frozen").await;
    witness.see("frozen", MemberState::Live).await;
}

#[tokio::test]
async fn a_lapsed_lease_with_a_living_link_condemns_nobody() {
    let cluster = Cluster::start();
    let directory = cluster.directory();
    let node = Node::join(&cluster, "node").await;
    node.register(&cluster, users(1)).await;
    node.stop_renewing();
    until("the lease lapses", async || directory.lease(&name("node")).await.unwrap().is_none())
        .await;
    // Longer than any verdict would take.
    tokio::time::sleep(2 * trunkline_relay::defaults::GRACE).await;
    assert!(node.connection.close_reason().is_none());
    assert_eq!(online(&directory, 1).await, 1);
}

#[tokio::test]
async fn a_node_with_a_lease_and_no_link_is_suspect_and_keeps_its_users() {
    let cluster = Cluster::start();
    let directory = cluster.directory();
    let mut witness = Node::join(&cluster, "witness").await;
    let cut = Node::join(&cluster, "cut").await;
    cut.register(&cluster, users(1)).await;
    cut.hang_up();
    witness.see("cut", MemberState::Suspect).await;
    tokio::time::sleep(2 * trunkline_relay::defaults::GRACE).await;
    assert_eq!(online(&directory, 1).await, 1);

    // It comes back as what it was; then it is cut again, and dies.
    let again = Node::join_as(&cluster, "cut", cut.incarnation).await.unwrap();
    witness.see("cut", MemberState::Live).await;
    again.hang_up();
    cut.stop_renewing();
    witness.see("cut", MemberState::Dead).await;
    until("no ghosts", async || online(&directory, 1).await == 0).await;
}

#[tokio::test]
async fn a_node_killed_and_restarted_while_the_relay_was_down_leaves_no_ghost() {
    let mut cluster = Cluster::start();
    let directory = cluster.directory();
    let former = Node::join(&cluster, "node").await;
    former.register(&cluster, users(5)).await;
    let living = Node::join(&cluster, "living").await;
    living.register(&cluster, users(1)).await;
    let ghost = cluster_down(&mut cluster, former).await;

    let node = Node::join(&cluster, "node").await;
    node.register(&cluster, users(2)).await;
    until("no ghosts", async || is_clean(&directory, ghost).await).await;
    assert_eq!(online(&directory, 5).await, 2);
    // The living node has not dialled again, but it has its lease.
    assert!(!is_clean(&directory, living.incarnation).await);
}

async fn cluster_down(cluster: &mut Cluster, node: Node) -> Incarnation {
    let mut ghost = None;
    cluster.restart_relay(async { ghost = Some(node.kill().await) }).await;
    ghost.unwrap()
}

#[tokio::test]
async fn a_verdict_made_while_redis_is_away_is_carried_out_when_it_is_back() {
    let cluster = Cluster::start();
    let directory = cluster.directory();
    let mut operator = Operator::look(&cluster, Role::Admin, 1_000).await;
    let mut witness = Node::join(&cluster, "witness").await;
    let victim = Node::join(&cluster, "victim").await;
    victim.register(&cluster, users(20)).await;
    operator.event("Redis answers", |event| event.kind == EventKind::RedisBack).await;
    cluster.redis.pause();
    operator.event("Redis is away", |event| event.kind == EventKind::RedisAway).await;
    let incarnation = victim.kill().await;
    witness.see("victim", MemberState::Suspect).await;
    cluster.redis.resume();
    witness.see("victim", MemberState::Dead).await;
    until("no ghosts", async || is_clean(&directory, incarnation).await).await;
    assert_eq!(online(&directory, 20).await, 0);
    assert!(!is_clean(&directory, witness.incarnation).await, "the witness lives");
}

#[tokio::test]
async fn a_restart_under_the_same_name_gets_the_name_at_once() {
    let cluster = Cluster::start();
    let directory = cluster.directory();
    let victim = Node::join(&cluster, "node").await;
    victim.register(&cluster, users(10)).await;
    let former = victim.kill().await;
    let killed = Instant::now();
    let node = Node::join(&cluster, "node").await;
    assert!(killed.elapsed() < Duration::from_secs(10));
    node.register(&cluster, users(1)).await;
    until("no ghosts", async || is_clean(&directory, former).await).await;
    assert_eq!(online(&directory, 10).await, 1);
}
