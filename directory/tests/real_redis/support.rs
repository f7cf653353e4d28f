use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use redis::aio::MultiplexedConnection;
use tokio::time::{self, Instant};
use trunkline_directory::{
    Acquired, Directory, Fence, LeaseState, NodeRecord, Registrar,
    defaults::KEY_PREFIX,
    testing::{RedisServer, SlowProxy},
};
use trunkline_protocol::{Incarnation, Name, User};

/// The deadline of every wait: generous for a loaded machine, and never reached by a passing test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn user(number: usize) -> User {
    format!("user-{number}").parse().unwrap()
}

pub(crate) fn node(number: usize) -> Name {
    format!("node-{number}").parse().unwrap()
}

pub(crate) fn open(url: &str) -> Directory {
    Directory::open(url, KEY_PREFIX).unwrap()
}

pub(crate) fn record(incarnation: Incarnation) -> NodeRecord {
    NodeRecord {
        incarnation,
        url: "ws://127.0.0.1:9001/ws".to_owned(),
        capacity: 500,
        started_at: 1_790_000_000_000,
    }
}

pub(crate) fn start(url: &str, node: &Name) -> Registrar {
    Registrar::start(open(url), node.clone(), record(Incarnation::fresh()))
}

/// A connection for commands that the directory does not have.
pub(crate) async fn raw(redis: &RedisServer) -> MultiplexedConnection {
    let client = redis::Client::open(redis.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

pub(crate) async fn query<T: redis::FromRedisValue>(redis: &RedisServer, command: &str) -> T {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    words.for_each(|word| {
        command.arg(word);
    });
    command.query_async(&mut raw(redis).await).await.unwrap()
}

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "never happened: {what}");
        time::sleep(Duration::from_millis(10)).await;
    }
}

/// The registrar's current incarnation.
pub(crate) fn incarnation(registrar: &Registrar) -> Incarnation {
    registrar.status().borrow().incarnation
}

pub(crate) async fn held(registrar: &Registrar) {
    lease(registrar, |lease| lease == LeaseState::Held).await;
}

pub(crate) async fn lease(registrar: &Registrar, holds: impl Fn(LeaseState) -> bool) {
    let mut status = registrar.status();
    let seen = time::timeout(PATIENCE, status.wait_for(|status| holds(status.lease))).await;
    seen.expect("the lease state is reached").expect("the registrar runs");
}

/// Takes a new incarnation whenever the lease is lost, as a node does.
pub(crate) fn reincarnate_when_lost(registrar: &Registrar) -> tokio::task::JoinHandle<()> {
    let registrar = registrar.clone();
    tokio::spawn(async move {
        let mut status = registrar.status();
        while status
            .wait_for(|status| matches!(status.lease, LeaseState::Lost { .. }))
            .await
            .is_ok()
        {
            registrar.reincarnate(Incarnation::fresh());
        }
    })
}

/// Acquires the lease and lists the incarnation, as a registrar does.
pub(crate) async fn incarnate(directory: &Directory, node: &Name) -> (Incarnation, Fence) {
    let incarnation = Incarnation::fresh();
    let Acquired::Held(fence) = directory.acquire(node, incarnation).await.unwrap() else {
        panic!("the lease of {node} is taken");
    };
    directory.list_incarnation(node, incarnation).await.unwrap();
    (incarnation, fence)
}

/// All entries: users, with their nodes and incarnations.
pub(crate) async fn entries(redis: &RedisServer) -> BTreeMap<User, BTreeMap<Name, Incarnation>> {
    let directory = open(&redis.url());
    let mut entries = BTreeMap::new();
    let mut cursor = Some(Default::default());
    while let Some(step) = cursor {
        let found = directory.find("", step).await.unwrap();
        for user in found.users {
            let locations: BTreeMap<_, _> =
                directory.look_up(&user).await.unwrap().into_iter().collect();
            if !locations.is_empty() {
                entries.insert(user, locations);
            }
        }
        cursor = found.next;
    }
    entries
}

/// The users in an incarnation's index.
pub(crate) async fn indexed(
    redis: &RedisServer,
    node: &Name,
    incarnation: Incarnation,
) -> BTreeSet<User> {
    let members: Vec<String> =
        query(redis, &format!("ZRANGE {KEY_PREFIX}:node:{node}:{incarnation}:users 0 -1")).await;
    members.into_iter().map(|member| member.parse().unwrap()).collect()
}

/// A Redis behind a proxy that can delay commands.
pub(crate) async fn slow_redis() -> (RedisServer, SlowProxy) {
    let redis = RedisServer::start().unwrap();
    let proxy = SlowProxy::start(redis.address()).await.unwrap();
    (redis, proxy)
}
