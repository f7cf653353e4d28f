//! Looks at a cluster from outside: what Redis holds, and who takes whom for a member.

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

use super::check::{Directory, Expected, Membership, Violation, directory, membership};
use trunkline_cli::{
    http,
    local_cluster::Cluster,
    status_stream::{StatusError, StatusStream},
};

/// Why something could not be looked at.
#[derive(Debug, Error)]
pub enum LookError {
    /// Redis does not answer.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// The relay does not.
    #[error("the relay: {0}")]
    Relay(#[from] StatusError),
    /// A node does not.
    #[error("{node}: {source}")]
    Node {
        /// Which.
        node: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Everything that is not as it should be, of what can be looked at.
///
/// # Errors
/// If a part of the cluster does not answer.
pub async fn differences(
    cluster: &Cluster,
    expected: &Expected,
) -> Result<Vec<Violation>, LookError> {
    let held = redis(cluster).await?;
    let mut found = directory(&held, expected);
    let seen = members(cluster, &expected.nodes).await?;
    found.extend(membership(&seen, &held, expected));
    Ok(found)
}

/// Reads all of Redis.
///
/// # Errors
/// If it does not answer, or holds something of another type than the contract says.
pub async fn redis(cluster: &Cluster) -> Result<Directory, LookError> {
    let mut redis = cluster.redis().connect().await?;
    let mut held = Directory::default();
    for key in redis.keys("*").await? {
        read_key(&mut redis, &key, &mut held).await?;
    }
    Ok(held)
}

async fn read_key(
    redis: &mut MultiplexedConnection,
    key: &str,
    held: &mut Directory,
) -> Result<(), RedisError> {
    let parts: Vec<_> = key.splitn(3, ':').collect();
    match parts.as_slice() {
        [_, "user", user] => {
            let nodes = redis.hgetall(key).await?.into_iter().collect();
            held.users.insert((*user).to_owned(), nodes);
        }
        [_, "lease", node] => {
            // It may have expired since the keys were listed.
            held.leases.extend(redis.get(key).await?.map(|life| ((*node).to_owned(), life)));
        }
        [_, "incarnations"] => held.incarnations = redis.hgetall(key).await?.into_iter().collect(),
        [_, "nodes"] => {
            let cards = redis.hgetall(key).await?.into_iter();
            held.nodes = cards.map(|(node, card)| (node, life_on(&card))).collect();
        }
        [_, "node", rest] => match rest.split(':').collect::<Vec<_>>().as_slice() {
            [node, life, "users"] => {
                let users = redis.zrange(key, 0, -1).await?.into_iter().collect();
                held.indexes.insert(((*node).to_owned(), (*life).to_owned()), users);
            }
            _ => drop(held.others.insert(key.to_owned())),
        },
        _ => drop(held.others.insert(key.to_owned())),
    }
    Ok(())
}

/// The incarnation on a node's card.
fn life_on(card: &str) -> String {
    #[derive(Deserialize)]
    struct Card {
        incarnation: String,
    }
    serde_json::from_str::<Card>(card).map_or_else(|_| card.to_owned(), |card| card.incarnation)
}

async fn members(cluster: &Cluster, nodes: &BTreeSet<String>) -> Result<Membership, LookError> {
    let mut seen = Membership { relay: relay(cluster).await?, nodes: BTreeMap::new() };
    for node in nodes {
        let answer = http::get(cluster.node(node).address(), "/nodes").await;
        let answer = answer.map_err(|source| LookError::Node { node: node.clone(), source })?;
        let named = urls(&answer.body).into_iter();
        let named = named.map(|url| node_at(cluster, &url).unwrap_or(url));
        seen.nodes.insert(node.clone(), named.collect());
    }
    Ok(seen)
}

/// Whether the relay has a link with `node`.
///
/// # Errors
/// If it does not answer.
pub async fn is_linked(cluster: &Cluster, node: &str) -> Result<bool, LookError> {
    let nodes = snapshot(cluster).await?.nodes;
    Ok(nodes.iter().any(|member| member.name.as_str() == node && member.link.is_some()))
}

/// The nodes that the relay takes for alive.
async fn relay(cluster: &Cluster) -> Result<BTreeMap<String, String>, LookError> {
    let alive = |state| !matches!(state, MemberState::Dead | MemberState::Left);
    let nodes = snapshot(cluster).await?.nodes.into_iter().filter(|node| alive(node.state));
    Ok(nodes
        .map(|node| {
            let life = match node.state {
                MemberState::Live => node.incarnation.to_string(),
                other => format!("{} {other:?}", node.incarnation),
            };
            (node.name.to_string(), life)
        })
        .collect())
}

/// What the relay sees now.
async fn snapshot(cluster: &Cluster) -> Result<Snapshot, LookError> {
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

fn node_at(cluster: &Cluster, url: &str) -> Option<String> {
    let mut members = cluster.members();
    members.find(|member| member.ws_url() == url).map(|member| member.name().to_owned())
}
