use std::{net::SocketAddr, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use redis::{AsyncTypedCommands, RedisError, aio::MultiplexedConnection};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::MeasureError;
use trunkline_cli::local_cluster::Cluster;
use trunkline_client::Client;

/// How many clients log in at a time.
const LOGINS: usize = 32;

/// How many keys one command names.
const KEYS: usize = 5_000;

/// How often Redis is looked at: what is measured is this much too long at the most.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// How long anything may take that is measured.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sessions that stay, and read what comes, as long as this lives.
#[derive(Debug)]
pub(super) struct Crowd {
    _readers: JoinSet<()>,
}

impl Crowd {
    /// Logs in `user-0` to `user-<count - 1>`, a session each.
    pub(super) async fn log_in(node: SocketAddr, count: usize) -> Result<Self, MeasureError> {
        let url = format!("ws://{node}/ws");
        let logins = (0..count).map(|number| log_in(url.clone(), number));
        let clients: Vec<_> = stream::iter(logins).buffer_unordered(LOGINS).try_collect().await?;
        let mut readers = JoinSet::new();
        for client in clients {
            let mut client = client.with_patience(Duration::MAX);
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

/// What Redis says of the users of a node's incarnation.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    redis: MultiplexedConnection,
    keys: Vec<String>,
}

impl Entries {
    /// Watches `user-0` to `user-<count - 1>`.
    pub(super) async fn of(cluster: &Cluster, count: usize) -> Result<Self, RedisError> {
        let keys = (0..count).map(|number| format!("trunkline:user:{}", user(number)));
        Ok(Self { redis: cluster.redis().connect().await?, keys: keys.collect() })
    }

    /// The node's incarnation that is listed, if there is one.
    pub(super) async fn life(&self, node: &str) -> Result<Option<String>, RedisError> {
        let lives = self.redis.clone().hgetall("trunkline:incarnations").await?;
        let lives = lives.into_iter().filter(|(_, name)| name == node);
        // The last one, if there are several: incarnations sort by age.
        Ok(lives.map(|(life, _)| life).max())
    }

    /// How many of the users have an entry.
    pub(super) async fn users(&self) -> Result<usize, RedisError> {
        let mut redis = self.redis.clone();
        let mut users = 0;
        for keys in self.keys.chunks(KEYS) {
            users += redis::cmd("EXISTS").arg(keys).query_async::<usize>(&mut redis).await?;
        }
        Ok(users)
    }

    /// How many users a node's index has.
    pub(super) async fn indexed(&self, node: &str, life: &str) -> Result<usize, RedisError> {
        self.redis.clone().zcard(format!("trunkline:node:{node}:{life}:users")).await
    }

    /// Whether an incarnation is listed.
    pub(super) async fn is_listed(&self, life: &str) -> Result<bool, RedisError> {
        self.redis.clone().hexists("trunkline:incarnations", life).await
    }

    /// Writes the entries of all users, as the node would if they logged in.
    pub(super) async fn write(&self, node: &str, life: &str) -> Result<(), RedisError> {
        let index = format!("trunkline:node:{node}:{life}:users");
        for keys in self.keys.chunks(KEYS) {
            let mut pipe = redis::pipe();
            for key in keys {
                let user = key.trim_start_matches("trunkline:user:");
                pipe.zadd(&index, user, 1).ignore();
                pipe.hset(key, node, life).ignore();
            }
            pipe.query_async::<()>(&mut self.redis.clone()).await?;
        }
        Ok(())
    }

    /// Waits until the incarnation of `node` that is listed has all users, and returns it.
    pub(super) async fn complete(&self, node: &str) -> Result<String, MeasureError> {
        until("all users are in the directory", || async {
            let Some(life) = self.life(node).await? else { return Ok(None) };
            let all = self.indexed(node, &life).await? == self.keys.len()
                && self.users().await? == self.keys.len();
            Ok(all.then_some(life))
        })
        .await
    }
}

/// Looks again and again until there is something.
pub(super) async fn until<T, F: Future<Output = Result<Option<T>, MeasureError>>>(
    what: &'static str,
    mut look: impl FnMut() -> F,
) -> Result<T, MeasureError> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        // Redis itself may be away for a moment.
        match look().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) | Err(MeasureError::Redis(_)) => sleep(LOOK).await,
            Err(error) => return Err(error),
        }
    }
    Err(MeasureError::Late(what, PATIENCE))
}
