//! Users in the directory: how many there are, and how to add them.

use std::{net::SocketAddr, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use redis::{AsyncTypedCommands, RedisError, aio::MultiplexedConnection};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::MeasureError;
use trunkline_cli::local_cluster::LocalCluster;
use trunkline_client::Client;

/// How many logins run at a time.
const LOGINS_AT_ONCE: usize = 32;

/// How many keys one command has.
const KEYS_PER_COMMAND: usize = 5_000;

/// How often Redis is polled. Measurements are too long by this much at most.
const POLL: Duration = Duration::from_millis(5);

/// How long any measured step may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// Sessions that stay, and read what comes, until this is dropped.
#[derive(Debug)]
pub(super) struct IdleSessions {
    _readers: JoinSet<()>,
}

impl IdleSessions {
    /// Logs in `user-0` to `user-<count - 1>` with one session each.
    pub(super) async fn log_in(node: SocketAddr, count: usize) -> Result<Self, MeasureError> {
        let url = format!("ws://{node}/ws");
        let logins = (0..count).map(|number| log_in(url.clone(), number));
        let clients: Vec<_> =
            stream::iter(logins).buffer_unordered(LOGINS_AT_ONCE).try_collect().await?;
        let mut readers = JoinSet::new();
        for client in clients {
            let mut client = client.with_timeout(Duration::MAX);
            readers.spawn(async move { while client.next_frame().await.is_ok() {} });
        }
        Ok(Self { _readers: readers })
    }
}

async fn log_in(url: String, number: usize) -> Result<Client, MeasureError> {
    Ok(Client::login(&url, &user(number)).await?)
}

fn user(number: usize) -> String {
    format!("user-{number}")
}

/// The directory entries of a node's users.
#[derive(Clone, Debug)]
pub(super) struct DirectoryEntries {
    redis: MultiplexedConnection,
    keys: Vec<String>,
}

impl DirectoryEntries {
    /// The entries of `user-0` to `user-<count - 1>`.
    pub(super) async fn of(cluster: &LocalCluster, count: usize) -> Result<Self, RedisError> {
        let keys = (0..count).map(|number| format!("trunkline:user:{}", user(number)));
        Ok(Self { redis: cluster.redis().connect().await?, keys: keys.collect() })
    }

    /// The node's newest listed incarnation.
    pub(super) async fn incarnation(&self, node: &str) -> Result<Option<String>, RedisError> {
        let incarnations = self.redis.clone().hgetall("trunkline:incarnations").await?;
        let incarnations = incarnations.into_iter().filter(|(_, name)| name == node);
        // Incarnations sort by age.
        Ok(incarnations.map(|(incarnation, _)| incarnation).max())
    }

    /// How many of the users have an entry.
    pub(super) async fn users(&self) -> Result<usize, RedisError> {
        let mut redis = self.redis.clone();
        let mut users = 0;
        for keys in self.keys.chunks(KEYS_PER_COMMAND) {
            users += redis::cmd("EXISTS").arg(keys).query_async::<usize>(&mut redis).await?;
        }
        Ok(users)
    }

    /// How many users the node's index has.
    pub(super) async fn indexed(&self, node: &str, incarnation: &str) -> Result<usize, RedisError> {
        self.redis.clone().zcard(format!("trunkline:node:{node}:{incarnation}:users")).await
    }

    /// Whether an incarnation is listed.
    pub(super) async fn is_listed(&self, incarnation: &str) -> Result<bool, RedisError> {
        self.redis.clone().hexists("trunkline:incarnations", incarnation).await
    }

    /// Writes the entries of all users, as the node does at a login.
    pub(super) async fn write(&self, node: &str, incarnation: &str) -> Result<(), RedisError> {
        let index = format!("trunkline:node:{node}:{incarnation}:users");
        for keys in self.keys.chunks(KEYS_PER_COMMAND) {
            let mut pipe = redis::pipe();
            for key in keys {
                let user = key.trim_start_matches("trunkline:user:");
                pipe.zadd(&index, user, 1).ignore();
                pipe.hset(key, node, incarnation).ignore();
            }
            pipe.query_async::<()>(&mut self.redis.clone()).await?;
        }
        Ok(())
    }

    /// Waits until the listed incarnation of `node` has all users, and returns it.
    pub(super) async fn complete(&self, node: &str) -> Result<String, MeasureError> {
        until("all users are in the directory", || async {
            let Some(incarnation) = self.incarnation(node).await? else { return Ok(None) };
            let all = self.indexed(node, &incarnation).await? == self.keys.len()
                && self.users().await? == self.keys.len();
            Ok(all.then_some(incarnation))
        })
        .await
    }
}

/// Polls until a condition holds.
pub(super) async fn until<T, F: Future<Output = Result<Option<T>, MeasureError>>>(
    what: &'static str,
    mut check: impl FnMut() -> F,
) -> Result<T, MeasureError> {
    let begin = Instant::now();
    while begin.elapsed() < STEP_TIMEOUT {
        // Redis itself may be down for a moment.
        match check().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) | Err(MeasureError::Redis(_)) => sleep(POLL).await,
            Err(error) => return Err(error),
        }
    }
    Err(MeasureError::Timeout(what, STEP_TIMEOUT))
}
