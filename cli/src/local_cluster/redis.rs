//! The cluster's Redis, for its owner.

use std::net::SocketAddr;

use redis::{Client, RedisError, aio::MultiplexedConnection};
use tokio::time::{Instant, sleep};
use trunkline_ops::{SecretUrl, redacted};

use super::{ClusterError, LocalCluster, MemberKind, REDIS};
use crate::defaults::{POLL_INTERVAL, START_TIMEOUT};

/// The address of the cluster's Redis.
#[derive(Clone, Debug)]
pub struct ClusterRedis {
    url: SecretUrl,
}

impl ClusterRedis {
    pub(super) fn at_url(url: String) -> Self {
        Self { url: url.as_str().into() }
    }

    pub(super) fn at(address: SocketAddr) -> Self {
        Self { url: format!("redis://{address}").as_str().into() }
    }

    /// Its URL, as the programs get it.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Opens a connection.
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

impl LocalCluster {
    /// The cluster's own Redis, or the one that the builder was given.
    pub fn redis(&self) -> ClusterRedis {
        match &self.settings.redis {
            Some(url) => ClusterRedis::at_url(url.clone()),
            None => ClusterRedis::at(self.node(REDIS).listen),
        }
    }

    /// Lets members of a kind log in to Redis as `user:password` from their next start on.
    /// [`Self::redis`] stays without a login.
    pub fn log_in_to_redis(&mut self, kind: MemberKind, login: impl Into<String>) {
        self.settings.logins.push((kind, login.into()));
    }

    /// The URL of Redis that members of a kind get.
    pub fn redis_url(&self, kind: MemberKind) -> String {
        let redis = self.redis();
        match self.settings.logins.iter().rfind(|(of, _)| *of == kind) {
            Some((_, login)) => redis.url().replacen("://", &format!("://{login}@"), 1),
            None => redis.url().to_owned(),
        }
    }
}
