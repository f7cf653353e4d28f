//! A node leaves by its own will.

use trunkline_client::Client;

use crate::support::{self, Directory, login};

const USERS: usize = 20;

#[tokio::test]
async fn a_node_that_is_asked_to_leave_sends_its_clients_away_and_unregisters_them() {
    let mut cluster = support::cluster(2).await;
    let directory = Directory::of(&cluster).await;
    let mut users = Vec::new();
    for user in 0..USERS {
        users.push(login(&cluster, "node-1", &format!("user-{user}")).await);
    }
    let mut alice = login(&cluster, "node-2", "alice").await;
    assert_eq!(support::outcome(&mut alice, "user-0").await.unwrap(), "delivered");
    let incarnation = directory.incarnations_of("node-1").await.remove(0);

    let sent_away: Vec<_> =
        users.into_iter().map(|user| tokio::spawn(is_sent_away(user))).collect();
    let status = cluster.terminate("node-1").await.unwrap();
    assert_eq!(status.code(), Some(0));
    for user in sent_away {
        user.await.unwrap();
    }
    assert_eq!(directory.traces(&incarnation).await, [""; 0]);
    assert_eq!(support::outcome(&mut alice, "user-0").await.unwrap(), "offline");
}

async fn is_sent_away(mut user: Client) {
    let closed = user.closed().await.unwrap();
    assert_eq!(closed.code, 1001, "{closed:?}");
    assert!(closed.retry().is_some(), "{closed:?}");
}

#[tokio::test]
async fn a_relay_and_an_idle_node_stop_cleanly() {
    let mut cluster = support::cluster(1).await;
    for name in ["node-1", trunkline_cli::local_cluster::RELAY] {
        assert_eq!(cluster.terminate(name).await.unwrap().code(), Some(0), "{name}");
    }
    let directory = Directory::of(&cluster).await;
    let left: Vec<_> = directory.keys().await;
    assert!(left.iter().all(|key| !key.contains("node-1")), "{left:?}");
}
