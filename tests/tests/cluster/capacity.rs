//! The capacity of a node is exact, and a refusal names nodes with room.

use futures_util::future::join_all;
use serde_json::Value;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use trunkline_cli::{http, local_cluster::LocalCluster};
use trunkline_client::{Client, ClientError};

use crate::support::{self, SOON, login, until};

const CAPACITY: usize = 20;

/// How many log in at once.
const DIALS: usize = 100;

/// How many connections may be between accept and upgrade.
const HANDSHAKES_MAX: usize = 1_024;

/// The close code of a connection that has not logged in.
const NO_LOGIN: u16 = 4008;

async fn small(nodes: usize) -> LocalCluster {
    let args = ["--capacity".to_owned(), CAPACITY.to_string()];
    support::start(LocalCluster::builder().nodes(nodes).node_args(args)).await
}

#[tokio::test]
async fn concurrent_logins_never_exceed_the_capacity() {
    let cluster = small(1).await;
    let url = cluster.node("node-1").ws_url();
    for round in 0..3 {
        let logins = (0..DIALS).map(|user| tokio::spawn(log_in(url.clone(), user)));
        let logins = join_all(logins.collect::<Vec<_>>()).await;
        let mut clients = Vec::new();
        for login in logins {
            match login.unwrap() {
                Ok(client) => clients.push(client),
                Err(ClientError::Refused(answer)) => {
                    assert_eq!(answer.status, 503);
                    assert!(answer.retry_after.is_some(), "{answer:?}");
                }
                // A newer connection took the slot before this one had logged in.
                Err(ClientError::Closed(closed)) => assert_eq!(closed.code, NO_LOGIN),
                Err(ClientError::ConnectionLost(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(clients.len(), CAPACITY, "round {round}");
        let refused = Client::connect(&url).await;
        assert!(matches!(refused, Err(ClientError::Refused(_))), "{refused:?}");
        // A connection slot is free again once its socket is closed.
        join_all(clients.into_iter().map(Client::close)).await;
        let all_free = || async { (free_slots(&cluster).await == CAPACITY).then_some(()) };
        until("all slots are free", SOON, all_free).await;
    }
}

async fn log_in(url: String, user: usize) -> Result<Client, ClientError> {
    Client::login(&url, &format!("user-{user}")).await
}

/// Counts the free slots by taking them.
async fn free_slots(cluster: &LocalCluster) -> usize {
    let url = cluster.node("node-1").ws_url();
    let mut clients = Vec::new();
    while let Ok(client) = log_in(url.clone(), clients.len()).await {
        clients.push(client);
    }
    let free = clients.len();
    for result in join_all(clients.into_iter().map(Client::close)).await {
        result.unwrap();
    }
    free
}

#[tokio::test]
async fn oldest_connection_without_a_login_gives_way() {
    let cluster = small(1).await;
    let url = cluster.node("node-1").ws_url();
    let session = login(&cluster, "node-1", "session").await;
    let mut silent = Vec::new();
    for _ in 1..CAPACITY {
        silent.push(Client::connect(&url).await.unwrap());
    }
    // More than there are slots: a stranger who dials again and again locks nobody out.
    for user in 0..2 * CAPACITY {
        let mut oldest = silent.remove(0);
        let newest = log_in(url.clone(), user).await.unwrap();
        let closed = oldest.closed().await.unwrap();
        assert_eq!(closed.code, NO_LOGIN, "{closed:?}");
        newest.close().await.unwrap();
        silent.push(Client::connect(&url).await.unwrap());
    }
    session.close().await.unwrap();
}

/// Connections that say nothing before the upgrade keep no one out either.
#[tokio::test]
async fn silent_connections_do_not_delay_a_login() {
    let cluster = small(1).await;
    let node = cluster.node("node-1");
    let mut silent = Vec::new();
    for _ in 0..HANDSHAKES_MAX + 100 {
        silent.push(TcpStream::connect(node.address()).await.unwrap());
    }
    let client = login(&cluster, "node-1", "alice").await;
    assert_eq!(http::get(node.address(), "/nodes").await.unwrap().status, 200);
    client.close().await.unwrap();
    // The oldest were closed, the newest are not.
    let oldest = timeout(SOON, silent[0].read(&mut [0])).await.unwrap();
    assert!(matches!(oldest, Ok(0)), "{oldest:?}");
}

#[tokio::test]
async fn full_node_names_the_others() {
    let cluster = small(3).await;
    let full = cluster.node("node-1");
    let mut clients = Vec::new();
    for user in 0..CAPACITY {
        clients.push(login(&cluster, "node-1", &format!("user-{user}")).await);
    }
    let answer = support::upgrade(full.address(), &[]).await;
    assert_eq!(answer.status, 503);
    answer.header("retry-after").unwrap().parse::<u64>().unwrap();
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["error"], "full");
    let mut others = [cluster.node("node-2").ws_url(), cluster.node("node-3").ws_url()];
    others.sort();
    assert_eq!(sorted(&body["nodes"]), others);

    // `GET /nodes` names the same nodes, on a node with room too.
    let answer = http::get(full.address(), "/nodes").await.unwrap();
    assert_eq!(answer.status, 200);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(sorted(&body["nodes"]), others);
    let other = cluster.node("node-2").address();
    let full_node_is_not_offered = || async {
        let answer = http::get(other, "/nodes").await.unwrap();
        (!answer.body.contains(&full.ws_url())).then_some(())
    };
    until("a full node is not offered", SOON, full_node_is_not_offered).await;
}

fn sorted(nodes: &Value) -> Vec<String> {
    let nodes = nodes.as_array().unwrap().iter();
    let mut nodes: Vec<_> = nodes.map(|node| node.as_str().unwrap().to_owned()).collect();
    nodes.sort();
    nodes
}

#[tokio::test]
async fn single_full_node_names_no_other() {
    let cluster = small(1).await;
    let mut clients = Vec::new();
    for user in 0..CAPACITY {
        clients.push(login(&cluster, "node-1", &format!("user-{user}")).await);
    }
    let answer = support::upgrade(cluster.node("node-1").address(), &[]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        serde_json::from_str::<Value>(&answer.body).unwrap()["nodes"],
        Value::Array([].into())
    );
    drop(clients);
}
