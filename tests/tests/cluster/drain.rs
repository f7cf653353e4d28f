//! A node drains.

use trunkline_client::Client;

use crate::support::{self, DirectoryView, login};

const USERS: usize = 20;

#[tokio::test]
async fn draining_node_closes_its_sessions_with_a_retry_delay_and_deregisters_them() {
    let mut cluster = support::cluster(2).await;
    let directory = DirectoryView::of(&cluster).await;
    let mut users = Vec::new();
    for user in 0..USERS {
        users.push(login(&cluster, "node-1", &format!("user-{user}")).await);
    }
    let mut alice = login(&cluster, "node-2", "alice").await;
    assert_eq!(support::outcome(&mut alice, "user-0").await.unwrap(), "delivered");
    let incarnation = directory.incarnations_of("node-1").await.remove(0);

    let sent_away: Vec<_> =
        users.into_iter().map(|user| tokio::spawn(is_closed_with_a_retry_delay(user))).collect();
    let status = cluster.terminate("node-1").await.unwrap();
    assert_eq!(status.code(), Some(0));
    for user in sent_away {
        user.await.unwrap();
    }
    assert_eq!(directory.traces(&incarnation).await, [""; 0]);
    assert_eq!(support::outcome(&mut alice, "user-0").await.unwrap(), "offline");
}

async fn is_closed_with_a_retry_delay(mut user: Client) {
    let closed = user.closed().await.unwrap();
    assert_eq!(closed.code, 1001, "{closed:?}");
    assert!(closed.retry_after().is_some(), "{closed:?}");
}

#[tokio::test]
async fn relay_and_idle_node_stop_cleanly() {
    let mut cluster = support::cluster(1).await;
    for name in ["node-1", trunkline_cli::local_cluster::RELAY] {
        assert_eq!(cluster.terminate(name).await.unwrap().code(), Some(0), "{name}");
    }
    let directory = DirectoryView::of(&cluster).await;
    let left: Vec<_> = directory.keys().await;
    assert!(left.iter().all(|key| !key.contains("node-1")), "{left:?}");
}
