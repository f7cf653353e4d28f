//! What the integration tests share: a cluster that is up, and looks into Redis.

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

/// How long a condition may take that nothing but the machine's load delays.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A cluster of so many nodes, all ready.
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

/// Asks a client port for a WebSocket, as a client does, and returns the answer in full.
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

/// Waits until `look` finds something, and says how long that took.
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

/// Sends until a receipt says `delivered`: for what comes back by itself, but not at once.
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

/// The directory, read as the contract writes it.
#[derive(Clone)]
pub(crate) struct Directory(MultiplexedConnection);

impl Directory {
    /// The cluster's.
    pub(crate) async fn of(cluster: &LocalCluster) -> Self {
        Self(cluster.redis().connect().await.unwrap())
    }

    /// Where a user is: node → incarnation.
    pub(crate) async fn user(&self, user: &str) -> HashMap<String, String> {
        self.0.clone().hgetall(format!("trunkline:user:{user}")).await.unwrap()
    }

    /// Which incarnations there are: incarnation → node.
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

    /// Everything that still speaks of an incarnation: keys, and fields of keys.
    pub(crate) async fn traces(&self, incarnation: &str) -> Vec<String> {
        let mut traces = Vec::new();
        for key in self.keys().await {
            if key.contains(incarnation) {
                traces.push(key);
            } else if key.starts_with("trunkline:user:") || key == "trunkline:incarnations" {
                let fields = self.0.clone().hgetall(&key).await.unwrap();
                let speaks = fields
                    .iter()
                    .any(|(field, value)| field == incarnation || value == incarnation);
                traces.extend(speaks.then_some(key));
            }
        }
        traces
    }
}
