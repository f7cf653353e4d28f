//! Programs start in any order and restart at any time; the cluster recovers by itself.

use trunkline_cli::local_cluster::{LocalCluster, REDIS, RELAY};
use trunkline_client::Client;

use crate::support::{self, SOON, deliver_at_last, login, until};

#[tokio::test]
async fn nodes_may_start_first_and_redis_last() {
    let mut cluster = LocalCluster::builder().nodes(2).prepare().unwrap();
    for name in ["node-1", "node-2", RELAY] {
        cluster.start(name).await.unwrap();
        let ops = cluster.node(name).ops();
        let answer = trunkline_cli::http::get(ops, "/healthz").await.unwrap();
        assert_eq!(answer.status, 200, "{name} is healthy");
        let answer = trunkline_cli::http::get(ops, "/readyz").await.unwrap();
        assert_ne!(answer.status, 200, "{name} cannot be ready without Redis");
    }
    cluster.start(REDIS).await.unwrap();
    all_members_are_ready(&cluster).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    let mut bob = login(&cluster, "node-2", "bob").await;
    exchange_messages(&mut alice, &mut bob).await;
}

#[tokio::test]
async fn sessions_survive_a_restart_of_redis_and_of_the_relay() {
    let mut cluster = support::cluster(2).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    let mut bob = login(&cluster, "node-2", "bob").await;
    exchange_messages(&mut alice, &mut bob).await;

    cluster.kill(REDIS).await.unwrap();
    cluster.start(REDIS).await.unwrap();
    all_members_are_ready(&cluster).await;
    exchange_messages(&mut alice, &mut bob).await;
    // Redis restarted empty: the nodes have registered their users again.
    let directory = support::DirectoryView::of(&cluster).await;
    for user in ["alice", "bob"] {
        let found = || async { (directory.user(user).await.len() == 1).then_some(()) };
        until(&format!("{user} is registered again"), SOON, found).await;
    }

    cluster.terminate(RELAY).await.unwrap();
    cluster.start(RELAY).await.unwrap();
    all_members_are_ready(&cluster).await;
    exchange_messages(&mut alice, &mut bob).await;
    cluster.kill(RELAY).await.unwrap();
    cluster.start(RELAY).await.unwrap();
    all_members_are_ready(&cluster).await;
    exchange_messages(&mut alice, &mut bob).await;
}

#[tokio::test]
async fn emptied_redis_makes_no_user_offline() {
    let cluster = support::cluster(2).await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    let mut bob = login(&cluster, "node-2", "bob").await;
    let mut redis = cluster.redis().connect().await.unwrap();
    let () = redis::cmd("FLUSHALL").query_async(&mut redis).await.unwrap();
    for (to, outcome) in [("bob", "delivered"), ("nobody", "offline")] {
        alice.send(to, to, "1").await.unwrap();
        assert_eq!(alice.expect_receipt(to).await.unwrap().outcome, outcome);
    }
    bob.next_message().await.unwrap();
}

#[tokio::test]
async fn restarted_node_keeps_its_name() {
    let mut cluster = support::cluster(2).await;
    let mut bob = login(&cluster, "node-2", "bob").await;
    for stop_politely in [true, false] {
        let mut alice = login(&cluster, "node-1", "alice").await;
        exchange_messages(&mut alice, &mut bob).await;
        if stop_politely {
            assert!(cluster.terminate("node-1").await.unwrap().success());
        } else {
            cluster.kill("node-1").await.unwrap();
        }
        cluster.start_node("node-1").await.unwrap();
        cluster.ready("node-1").await.unwrap();
    }
    let mut alice = login(&cluster, "node-1", "alice").await;
    exchange_messages(&mut alice, &mut bob).await;
}

async fn all_members_are_ready(cluster: &LocalCluster) {
    for member in cluster.members() {
        cluster.ready(member.name()).await.unwrap_or_else(|error| panic!("{error}"));
    }
}

async fn exchange_messages(alice: &mut Client, bob: &mut Client) {
    let body = format!("{}", fastrand::u64(..));
    deliver_at_last(alice, "bob", &body).await;
    deliver_at_last(bob, "alice", &body).await;
    for (client, from) in [(alice, "bob"), (bob, "alice")] {
        loop {
            let message = client.next_message().await.unwrap();
            assert_eq!(message.from, from);
            if message.body.get() == body {
                break;
            }
        }
    }
}
