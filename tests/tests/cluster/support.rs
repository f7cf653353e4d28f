//! What the integration tests share: a running cluster, and its directory in Redis.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use redis::{AsyncTypedCommands, aio::MultiplexedConnection};
use trunkline_cli::{
    http::{self, HttpResponse},
    local_cluster::{ClusterBuilder, LocalCluster},
};
use trunkline_client::{Client, ClientError};

/// How long a condition may take on a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A cluster with this many nodes, all ready.
pub(crate) async fn cluster(nodes: usize) -> LocalCluster {
    start(LocalCluster::builder().nodes(nodes)).await
}

/// A cluster, all ready.
pub(crate) async fn start(builder: ClusterBuilder) -> LocalCluster {
    builder.start().await.unwrap_or_else(|error| panic!("{error}"))
}

/// Logs in.
pub(crate) async fn login(cluster: &LocalCluster, node: &str, user: &str) -> Client {
    let url = cluster.node(node).ws_url();
    let client = Client::login(&url, user).await;
    client.unwrap_or_else(|error| panic!("{user} at {node}: {error}"))
}

/// Requests an upgrade from a client port, and returns the whole response.
pub(crate) async fn upgrade(address: SocketAddr, more: &[(&str, &str)]) -> HttpResponse {
    let mut headers = vec![
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    headers.extend(more);
    http::get_with(address, "/ws", &headers).await.unwrap()
}

/// Polls until `look` returns a value, and returns how long that took.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> F,
) -> (T, Duration) {
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await {
            return (found, begin.elapsed());
        }
        assert!(begin.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Sends until a receipt says `delivered`, while the cluster recovers.
pub(crate) async fn deliver_at_last(from: &mut Client, to: &str, body: &str) {
    let begin = Instant::now();
    for number in 0.. {
        let id = format!("again-{number}");
        from.send(&id, to, body).await.unwrap();
        let receipt = from.expect_receipt(&id).await.unwrap();
        if receipt.outcome == "delivered" {
            return;
        }
        assert!(begin.elapsed() < SOON, "to {to} it is still {}", receipt.outcome);
    }
}

/// Sends, and returns the outcome.
pub(crate) async fn outcome(from: &mut Client, to: &str) -> Result<String, ClientError> {
    let id = format!("o-{}", fastrand::u64(..));
    from.send(&id, to, r#""hello""#).await?;
    Ok(from.expect_receipt(&id).await?.outcome)
}

/// The directory in Redis.
#[derive(Clone)]
pub(crate) struct DirectoryView(MultiplexedConnection);

impl DirectoryView {
    /// The cluster's directory.
    pub(crate) async fn of(cluster: &LocalCluster) -> Self {
        Self(cluster.redis().connect().await.unwrap())
    }

    /// The locations of a user: node → incarnation.
    pub(crate) async fn user(&self, user: &str) -> HashMap<String, String> {
        self.0.clone().hgetall(format!("trunkline:user:{user}")).await.unwrap()
    }

    /// The listed incarnations: incarnation → node.
    pub(crate) async fn incarnations(&self) -> HashMap<String, String> {
        self.0.clone().hgetall("trunkline:incarnations").await.unwrap()
    }

    /// The incarnations of one node.
    pub(crate) async fn incarnations_of(&self, node: &str) -> Vec<String> {
        let all = self.incarnations().await;
        all.into_iter()
            .filter(|(_, name)| name == node)
            .map(|(incarnation, _)| incarnation)
            .collect()
    }

    /// Every key.
    pub(crate) async fn keys(&self) -> Vec<String> {
        self.0.clone().keys("*").await.unwrap()
    }

    /// Keys that contain an incarnation in their name, a field or a value.
    pub(crate) async fn traces(&self, incarnation: &str) -> Vec<String> {
        let mut traces = Vec::new();
        for key in self.keys().await {
            if key.contains(incarnation) {
                traces.push(key);
            } else if key.starts_with("trunkline:user:") || key == "trunkline:incarnations" {
                let fields = self.0.clone().hgetall(&key).await.unwrap();
                let contains = fields
                    .iter()
                    .any(|(field, value)| field == incarnation || value == incarnation);
                traces.extend(contains.then_some(key));
            }
        }
        traces
    }
}
