//! Nodes that die, and lose their entries; and nodes that live, and keep theirs.

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
    admin_client::AdminClient,
    cluster::{TestCluster, name, until},
    fake_node::FakeNode,
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
async fn killed_node_leaves_no_stale_entry() {
    let cluster = TestCluster::start();
    let directory = cluster.directory();
    let mut admin = AdminClient::connect(&cluster, Role::Admin, 1_000).await;
    let mut witness = FakeNode::join(&cluster, "witness").await;
    let victim = FakeNode::join(&cluster, "victim").await;
    victim.register(&cluster, users(500)).await;
    // One user has a session on another node too.
    witness.register(&cluster, users(1)).await;

    let killed = Instant::now();
    let incarnation = victim.kill().await;
    until("no stale entries", async || online(&directory, 500).await == 1).await;
    println!("purged after {:?}", killed.elapsed());
    assert_eq!(witness.await_state("victim", MemberState::Dead).await.incarnation, incarnation);
    let dead = admin.event_of("victim", |kind| matches!(kind, EventKind::Dead { .. })).await;
    println!("{dead:?}");
    let event = admin.event_of("victim", |kind| matches!(kind, EventKind::Cleaned { .. })).await;
    println!("{event:?}");
    assert_eq!(cleaned(&event), (500, 1));
    assert!(is_clean(&directory, incarnation).await);
    let held = directory.look_up(&users(1).next().unwrap()).await.unwrap();
    assert_eq!(held, [(name("witness"), witness.incarnation)]);
}

#[tokio::test]
async fn frozen_node_with_lapsed_lease_is_told_of_its_death() {
    let cluster = TestCluster::start();
    let directory = cluster.directory();
    let mut witness = FakeNode::join(&cluster, "witness").await;
    let mut frozen = FakeNode::join(&cluster, "frozen").await;
    frozen.register(&cluster, users(3)).await;
    frozen.mute();
    frozen.stop_renewing();
    witness.await_state("frozen", MemberState::Suspect).await;
    witness.await_state("frozen", MemberState::Dead).await;
    let incarnation = frozen.incarnation;
    let pick = |message| matches!(message, ToNode::DeclaredDead { incarnation: dead } if dead == incarnation);
    frozen.receive("its death", |message| pick(message).then_some(())).await;
    assert_eq!(frozen.closed().await.0, close_code::DECLARED_DEAD);
    until("no stale entries", async || is_clean(&directory, incarnation).await).await;
    assert_eq!(online(&directory, 3).await, 0);

    // A dead incarnation is rejected; the process starts a new one.
    assert!(FakeNode::join_as(&cluster, "frozen", incarnation).await.is_err());
    let _thawed = FakeNode::join(&cluster, "frozen").await;
    witness.await_state("frozen", MemberState::Live).await;
}

#[tokio::test]
async fn lapsed_lease_with_living_link_kills_nobody() {
    let cluster = TestCluster::start();
    let directory = cluster.directory();
    let node = FakeNode::join(&cluster, "node").await;
    node.register(&cluster, users(1)).await;
    node.stop_renewing();
    until("the lease lapses", async || directory.lease(&name("node")).await.unwrap().is_none())
        .await;
    // Longer than it takes to declare a node dead.
    tokio::time::sleep(2 * trunkline_relay::defaults::RECONNECT_GRACE).await;
    assert!(node.connection.close_reason().is_none());
    assert_eq!(online(&directory, 1).await, 1);
}

#[tokio::test]
async fn node_with_lease_and_no_link_is_suspect_and_keeps_its_entries() {
    let cluster = TestCluster::start();
    let directory = cluster.directory();
    let mut witness = FakeNode::join(&cluster, "witness").await;
    let cut = FakeNode::join(&cluster, "cut").await;
    cut.register(&cluster, users(1)).await;
    cut.disconnect();
    witness.await_state("cut", MemberState::Suspect).await;
    tokio::time::sleep(2 * trunkline_relay::defaults::RECONNECT_GRACE).await;
    assert_eq!(online(&directory, 1).await, 1);

    // It reconnects in its incarnation; then it is cut off again, and its lease lapses.
    let again = FakeNode::join_as(&cluster, "cut", cut.incarnation).await.unwrap();
    witness.await_state("cut", MemberState::Live).await;
    again.disconnect();
    cut.stop_renewing();
    witness.await_state("cut", MemberState::Dead).await;
    until("no stale entries", async || online(&directory, 1).await == 0).await;
}

#[tokio::test]
async fn node_restarted_while_relay_is_down_leaves_no_stale_entry() {
    let mut cluster = TestCluster::start();
    let directory = cluster.directory();
    let killed = FakeNode::join(&cluster, "node").await;
    killed.register(&cluster, users(5)).await;
    let living = FakeNode::join(&cluster, "living").await;
    living.register(&cluster, users(1)).await;
    let former = killed_while_relay_is_down(&mut cluster, killed).await;

    let node = FakeNode::join(&cluster, "node").await;
    node.register(&cluster, users(2)).await;
    until("no stale entries", async || is_clean(&directory, former).await).await;
    assert_eq!(online(&directory, 5).await, 2);
    // The living node has not reconnected, but holds its lease.
    assert!(!is_clean(&directory, living.incarnation).await);
}

async fn killed_while_relay_is_down(cluster: &mut TestCluster, node: FakeNode) -> Incarnation {
    let mut former = None;
    cluster.restart_relay(async { former = Some(node.kill().await) }).await;
    former.unwrap()
}

#[tokio::test]
async fn death_while_redis_is_away_is_purged_when_it_is_back() {
    let cluster = TestCluster::start();
    let directory = cluster.directory();
    let mut admin = AdminClient::connect(&cluster, Role::Admin, 1_000).await;
    let mut witness = FakeNode::join(&cluster, "witness").await;
    let victim = FakeNode::join(&cluster, "victim").await;
    victim.register(&cluster, users(20)).await;
    admin.event("Redis answers", |event| event.kind == EventKind::RedisBack).await;
    cluster.redis.pause();
    admin.event("Redis is away", |event| event.kind == EventKind::RedisAway).await;
    let incarnation = victim.kill().await;
    witness.await_state("victim", MemberState::Suspect).await;
    cluster.redis.resume();
    witness.await_state("victim", MemberState::Dead).await;
    until("no stale entries", async || is_clean(&directory, incarnation).await).await;
    assert_eq!(online(&directory, 20).await, 0);
    assert!(!is_clean(&directory, witness.incarnation).await, "the witness is still listed");
}

#[tokio::test]
async fn restarted_node_gets_its_name_at_once() {
    let cluster = TestCluster::start();
    let directory = cluster.directory();
    let victim = FakeNode::join(&cluster, "node").await;
    victim.register(&cluster, users(10)).await;
    let former = victim.kill().await;
    let killed = Instant::now();
    let node = FakeNode::join(&cluster, "node").await;
    assert!(killed.elapsed() < Duration::from_secs(10));
    node.register(&cluster, users(1)).await;
    until("no stale entries", async || is_clean(&directory, former).await).await;
    assert_eq!(online(&directory, 10).await, 1);
}
