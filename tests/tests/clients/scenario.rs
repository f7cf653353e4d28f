//! The scenario that every client plays, and its expected steps.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;
use trunkline_cli::{defaults::POLL_INTERVAL, http, local_cluster::LocalCluster};
use trunkline_client::Client;

use crate::{
    PING_INTERVAL,
    foreign::{Arguments, Foreign, Refusal, Run},
    peer::Peer,
    route::{Proxy, Route},
};

/// The capacity of a node.
const CAPACITY: usize = 4;

/// The smallest body, in bytes.
const BODY_BYTES: u64 = 60_000;

/// The nodes, in order.
const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

/// How long a condition may take on a loaded machine.
const SOON: Duration = Duration::from_secs(30);

const USER: &str = "alice";
const PEER: &str = "bob";

/// Lets a client log in, be idle, exchange messages, be closed by a drain, be refused, and log in again.
pub(crate) async fn play(client: Foreign, route: Route) {
    let mut cluster = cluster().await;
    let proxy = Proxy::start(route, &mut cluster).await;
    let url = |node| proxy.as_ref().map_or_else(|| cluster.node(node).ws_url(), Proxy::url);
    let arguments =
        Arguments { url: url("node-1"), fallback: url("node-3"), user: USER, peer: PEER };
    let mut run = client.start(&arguments).await;

    let first = welcome(&run.step("welcome").await);
    let others: Vec<_> = NODES.into_iter().filter(|node| first != *node).collect();
    assert_eq!(others.len(), 2, "{first} is none of the nodes");
    let _peer = Peer::login(&cluster, others[0], PEER).await;
    run.step("idle").await;
    delivered(&mut run).await;

    // Directly, a refusal names a node with room. Behind a proxy, all nodes are full at first.
    let mut crowd = fill(&cluster, others[1], CAPACITY).await;
    if proxy.is_some() {
        crowd.extend(fill(&cluster, others[0], CAPACITY - 1).await);
        for (node, full) in [(others[0], others[1]), (others[1], others[0])] {
            offers_no_more(&cluster, node, full).await;
        }
    }
    let room = if proxy.is_some() { json!([]) } else { json!([url(others[0])]) };
    cluster.request_stop(&first).unwrap();
    sent_away(&mut run).await;
    refused(&run.step("refused").await, client.refusal, &room);
    if proxy.is_some() {
        drop(crowd);
    }
    let second = welcome_at_last(&mut run).await;
    assert!(others.iter().any(|node| second == *node), "{second}");
    delivered(&mut run).await;
    run.step("done").await;
    run.ended().await;
    let status = cluster.terminate(&first).await.unwrap();
    assert_eq!(status.code(), Some(0));
}

/// Three nodes with a small capacity.
async fn cluster() -> LocalCluster {
    let numbers = [CAPACITY.to_string(), PING_INTERVAL.to_string()];
    let args = ["--capacity", &numbers[0], "--ping-interval", &numbers[1]];
    LocalCluster::builder().nodes(NODES.len()).node_args(args).start().await.unwrap()
}

/// Fills a node with this many sessions.
async fn fill(cluster: &LocalCluster, node: &str, sessions: usize) -> Vec<Peer> {
    let mut crowd = Vec::new();
    for number in 0..sessions {
        crowd.push(Peer::login(cluster, node, &format!("{node}-{number}")).await);
    }
    let more = Client::connect(&cluster.node(node).ws_url()).await;
    assert!(more.is_err(), "{node} has room after {sessions} logins");
    crowd
}

/// Waits until `node` knows that `full` is full.
async fn offers_no_more(cluster: &LocalCluster, node: &str, full: &str) {
    let (address, full) = (cluster.node(node).address(), cluster.node(full).ws_url());
    let begin = Instant::now();
    while http::get(address, "/nodes").await.unwrap().body.contains(&full) {
        assert!(begin.elapsed() < SOON, "{node} offers {full}, which is full");
        sleep(POLL_INTERVAL).await;
    }
}

async fn delivered(run: &mut Run) {
    let step = run.step("delivered").await;
    assert!(step["bytes"].as_u64().unwrap() >= BODY_BYTES, "{step}");
}

async fn sent_away(run: &mut Run) {
    let step = run.step("closed").await;
    assert!(step["code"] == 1001 || step["code"] == 1012, "{step}");
    let reason = step["reason"].as_str().unwrap();
    let wait = reason.strip_prefix("retry_ms=").and_then(|wait| wait.parse::<u64>().ok());
    assert!(wait.is_some_and(|wait| wait > 0), "{step}");
}

/// What a client's library reports follows the protocol, and is as much as expected.
fn refused(step: &Value, reported: Refusal, room: &Value) {
    assert_eq!(step["nodes"], *room, "{step}");
    if reported >= Refusal::Status {
        assert_eq!(step["status"], 503, "{step}");
    }
    if reported >= Refusal::Head {
        let wait = step["retry_after"].as_str().and_then(|wait| wait.parse::<u64>().ok());
        assert!(wait.is_some_and(|wait| wait > 0), "{step}");
    }
}

fn welcome(step: &Value) -> String {
    step["node"].as_str().unwrap().to_owned()
}

/// The node that accepted the client, after any number of refusals.
async fn welcome_at_last(run: &mut Run) -> String {
    loop {
        let step = run.next().await;
        match step["step"].as_str() {
            Some("welcome") => return welcome(&step),
            Some("refused") => {}
            _ => panic!("{step}"),
        }
    }
}
