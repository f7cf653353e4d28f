//! Capacity: exact, and a refusal says where there is room.

use futures_util::future::join_all;
use serde_json::Value;
use trunkline_cli::{http, local_cluster::Cluster};
use trunkline_client::{Client, ClientError};

use crate::support::{self, SOON, login, until};

const CAPACITY: usize = 20;

/// How many dial at once.
const DIALS: usize = 100;

async fn small(nodes: usize) -> Cluster {
    let args = ["--capacity".to_owned(), CAPACITY.to_string()];
    support::start(Cluster::builder().nodes(nodes).node_args(args)).await
}

#[tokio::test]
async fn no_more_than_the_capacity_get_in_however_many_dial_at_once() {
    let cluster = small(1).await;
    let url = cluster.node("node-1").ws_url();
    for round in 0..3 {
        let dials = (0..DIALS).map(|_| tokio::spawn(dial(url.clone())));
        let dials = join_all(dials.collect::<Vec<_>>()).await;
        let (mut seated, mut refused) = (Vec::new(), 0);
        for dial in dials {
            match dial.unwrap() {
                Ok(client) => seated.push(client),
                Err(ClientError::Refused(answer)) => {
                    assert_eq!(answer.status, 503);
                    assert!(answer.retry_after.is_some(), "{answer:?}");
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!((seated.len(), refused), (CAPACITY, DIALS - CAPACITY), "round {round}");
        // A seat is free again once its socket is closed.
        join_all(seated.into_iter().map(Client::close)).await;
        let all_free = || async { (free_seats(&cluster).await == CAPACITY).then_some(()) };
        until("all seats are free", SOON, all_free).await;
    }
}

async fn dial(url: String) -> Result<Client, ClientError> {
    Client::connect(&url).await
}

/// By taking them.
async fn free_seats(cluster: &Cluster) -> usize {
    let url = cluster.node("node-1").ws_url();
    let mut seated = Vec::new();
    while let Ok(client) = Client::connect(&url).await {
        seated.push(client);
    }
    let free = seated.len();
    for result in join_all(seated.into_iter().map(Client::close)).await {
        result.unwrap();
    }
    free
}

#[tokio::test]
async fn a_full_node_names_the_others() {
    let cluster = small(3).await;
    let full = cluster.node("node-1");
    let mut seated = Vec::new();
    for user in 0..CAPACITY {
        seated.push(login(&cluster, "node-1", &format!("user-{user}")).await);
    }
    let answer = support::upgrade(full.address(), &[]).await;
    assert_eq!(answer.status, 503);
    answer.header("retry-after").unwrap().parse::<u64>().unwrap();
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["error"], "full");
    let mut others = [cluster.node("node-2").ws_url(), cluster.node("node-3").ws_url()];
    others.sort();
    assert_eq!(sorted(&body["nodes"]), others);

    // `GET /nodes` answers the same, at any time, also at a node with room.
    let answer = http::get(full.address(), "/nodes").await.unwrap();
    assert_eq!(answer.status, 200);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(sorted(&body["nodes"]), others);
    let other = cluster.node("node-2").address();
    let offers_the_full_one = || async {
        let answer = http::get(other, "/nodes").await.unwrap();
        (!answer.body.contains(&full.ws_url())).then_some(())
    };
    until("a full node is offered to nobody", SOON, offers_the_full_one).await;
}

fn sorted(nodes: &Value) -> Vec<String> {
    let nodes = nodes.as_array().unwrap().iter();
    let mut nodes: Vec<_> = nodes.map(|node| node.as_str().unwrap().to_owned()).collect();
    nodes.sort();
    nodes
}

#[tokio::test]
async fn a_lonely_full_node_names_nobody() {
    let cluster = small(1).await;
    let mut seated = Vec::new();
    for _ in 0..CAPACITY {
        seated.push(Client::connect(&cluster.node("node-1").ws_url()).await.unwrap());
    }
    let answer = support::upgrade(cluster.node("node-1").address(), &[]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        serde_json::from_str::<Value>(&answer.body).unwrap()["nodes"],
        Value::Array([].into())
    );
    drop(seated);
}
