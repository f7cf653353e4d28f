//! Observes a cluster from outside: the contents of Redis, and each member's view of the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use redis::{AsyncTypedCommands, RedisError, aio::MultiplexedConnection};
use serde::Deserialize;
use thiserror::Error;
use trunkline_protocol::{
    control::MemberState,
    status::{Snapshot, StatusLine},
};

use super::check::{
    DirectoryContents, ExpectedState, GuaranteeViolation, MembershipViews, directory, membership,
};
use trunkline_cli::{
    http,
    local_cluster::LocalCluster,
    status_stream::{StatusStream, StatusStreamError},
};

/// Why the cluster could not be observed.
#[derive(Debug, Error)]
pub enum ObserveError {
    /// Redis does not answer.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// The relay does not answer.
    #[error("the relay: {0}")]
    Relay(#[from] StatusStreamError),
    /// A node does not answer.
    #[error("{node}: {source}")]
    Node {
        /// Its name.
        node: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// All differences between what exists and what Redis, the relay and the nodes say.
pub async fn differences(
    cluster: &LocalCluster,
    expected: &ExpectedState,
) -> Result<Vec<GuaranteeViolation>, ObserveError> {
    let held = redis(cluster).await?;
    let mut found = directory(&held, expected);
    let seen = members(cluster, &expected.nodes).await?;
    found.extend(membership(&seen, &held, expected));
    Ok(found)
}

/// Reads all of Redis.
pub async fn redis(cluster: &LocalCluster) -> Result<DirectoryContents, ObserveError> {
    let mut redis = cluster.redis().connect().await?;
    let mut held = DirectoryContents::default();
    for key in redis.keys("*").await? {
        read_key(&mut redis, &key, &mut held).await?;
    }
    Ok(held)
}

async fn read_key(
    redis: &mut MultiplexedConnection,
    key: &str,
    held: &mut DirectoryContents,
) -> Result<(), RedisError> {
    let parts: Vec<_> = key.splitn(3, ':').collect();
    match parts.as_slice() {
        [_, "user", user] => {
            let nodes = redis.hgetall(key).await?.into_iter().collect();
            held.users.insert((*user).to_owned(), nodes);
        }
        [_, "lease", node] => {
            // It may have expired since the keys were listed.
            held.leases
                .extend(redis.get(key).await?.map(|incarnation| ((*node).to_owned(), incarnation)));
        }
        [_, "incarnations"] => held.incarnations = redis.hgetall(key).await?.into_iter().collect(),
        [_, "nodes"] => {
            let records = redis.hgetall(key).await?.into_iter();
            held.nodes = records.map(|(node, record)| (node, incarnation_in(&record))).collect();
        }
        [_, "node", rest] => match rest.split(':').collect::<Vec<_>>().as_slice() {
            [node, incarnation, "users"] => {
                let users = redis.zrange(key, 0, -1).await?.into_iter().collect();
                held.indexes.insert(((*node).to_owned(), (*incarnation).to_owned()), users);
            }
            _ => drop(held.others.insert(key.to_owned())),
        },
        _ => drop(held.others.insert(key.to_owned())),
    }
    Ok(())
}

/// The incarnation in a node's record.
fn incarnation_in(record: &str) -> String {
    #[derive(Deserialize)]
    struct NodeRecord {
        incarnation: String,
    }
    serde_json::from_str::<NodeRecord>(record)
        .map_or_else(|_| record.to_owned(), |record| record.incarnation)
}

async fn members(
    cluster: &LocalCluster,
    nodes: &BTreeSet<String>,
) -> Result<MembershipViews, ObserveError> {
    let mut seen = MembershipViews { relay: relay(cluster).await?, nodes: BTreeMap::new() };
    for node in nodes {
        let answer = http::get(cluster.node(node).address(), "/nodes").await;
        let answer = answer.map_err(|source| ObserveError::Node { node: node.clone(), source })?;
        let named = urls(&answer.body).into_iter();
        let named = named.map(|url| node_at(cluster, &url).unwrap_or(url));
        seen.nodes.insert(node.clone(), named.collect());
    }
    Ok(seen)
}

/// Whether the relay has a link with `node`.
pub async fn is_linked(cluster: &LocalCluster, node: &str) -> Result<bool, ObserveError> {
    let nodes = snapshot(cluster).await?.nodes;
    Ok(nodes.iter().any(|member| member.name.as_str() == node && member.link.is_some()))
}

/// The nodes that the relay considers alive.
async fn relay(cluster: &LocalCluster) -> Result<BTreeMap<String, String>, ObserveError> {
    let alive = |state| !matches!(state, MemberState::Dead | MemberState::Left);
    let nodes = snapshot(cluster).await?.nodes.into_iter().filter(|node| alive(node.state));
    Ok(nodes
        .map(|node| {
            let incarnation = match node.state {
                MemberState::Live => node.incarnation.to_string(),
                other => format!("{} {other:?}", node.incarnation),
            };
            (node.name.to_string(), incarnation)
        })
        .collect())
}

/// A snapshot that the relay takes after this call.
async fn snapshot(cluster: &LocalCluster) -> Result<Snapshot, ObserveError> {
    let (address, certs) = (cluster.relay().address(), cluster.certs());
    let mut status = StatusStream::open(address, &certs, Duration::from_millis(100)).await?;
    let begin = std::time::SystemTime::now();
    loop {
        let StatusLine::Snapshot(snapshot) = status.next_line().await? else { continue };
        let at = std::time::UNIX_EPOCH + Duration::from_millis(snapshot.at_ms);
        if at >= begin {
            return Ok(*snapshot);
        }
    }
}

fn urls(body: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Nodes {
        nodes: Vec<String>,
    }
    serde_json::from_str::<Nodes>(body).map(|answer| answer.nodes).unwrap_or_default()
}

fn node_at(cluster: &LocalCluster, url: &str) -> Option<String> {
    let mut members = cluster.members();
    members.find(|member| member.ws_url() == url).map(|member| member.name().to_owned())
}
