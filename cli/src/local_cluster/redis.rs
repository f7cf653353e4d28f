//! The cluster's Redis, as a test sees it.

use std::net::SocketAddr;

use redis::{Client, RedisError, aio::MultiplexedConnection};
use tokio::time::{Instant, sleep};
use trunkline_ops::{SecretUrl, redacted};

use super::{Cluster, ClusterError, Kind, REDIS};
use crate::defaults::{POLL_INTERVAL, START_TIMEOUT};

/// Where the cluster's Redis is.
#[derive(Clone, Debug)]
pub struct Redis {
    url: SecretUrl,
}

impl Redis {
    pub(super) fn at_url(url: String) -> Self {
        Self { url: url.as_str().into() }
    }

    pub(super) fn at(address: SocketAddr) -> Self {
        Self { url: format!("redis://{address}").as_str().into() }
    }

    /// Its URL, as the programs are told it.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// A connection of the caller's own.
    ///
    /// # Errors
    /// If Redis cannot be reached.
    pub async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        Client::open(self.url())?.get_multiplexed_async_connection().await
    }

    /// Waits until it answers.
    pub(super) async fn answers(&self) -> Result<(), ClusterError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            match self.ping().await {
                Ok(()) => return Ok(()),
                Err(source) if Instant::now() > deadline => {
                    return Err(ClusterError::Redis { url: redacted(self.url()), source });
                }
                Err(_) => sleep(POLL_INTERVAL).await,
            }
        }
    }

    async fn ping(&self) -> Result<(), RedisError> {
        redis::cmd("PING").query_async(&mut self.connect().await?).await
    }
}

impl Cluster {
    /// Redis: the cluster's own, or the one it was told of.
    pub fn redis(&self) -> Redis {
        match &self.settings.redis {
            Some(url) => Redis::at_url(url.clone()),
            None => Redis::at(self.node(REDIS).listen),
        }
    }

    /// Has members of a kind log in to Redis as `user:password`, from their next start on. Tests see
    /// it as before.
    pub fn log_in_to_redis(&mut self, kind: Kind, login: impl Into<String>) {
        self.settings.logins.push((kind, login.into()));
    }

    /// The URL of Redis that a member of that kind is given.
    pub fn redis_url(&self, kind: Kind) -> String {
        let redis = self.redis();
        match self.settings.logins.iter().rfind(|(of, _)| *of == kind) {
            Some((_, login)) => redis.url().replacen("://", &format!("://{login}@"), 1),
            None => redis.url().to_owned(),
        }
    }
}
