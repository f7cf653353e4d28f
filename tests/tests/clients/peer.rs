//! The peer of a foreign client: a user that sends every message back.

use tokio::task::{self, AbortHandle};
use trunkline_cli::local_cluster::LocalCluster;
use trunkline_client::Client;

/// A user that sends every message back. Dropping it ends its session.
#[derive(Debug)]
pub(crate) struct Peer(AbortHandle);

impl Peer {
    pub(crate) async fn login(cluster: &LocalCluster, node: &str, user: &str) -> Self {
        let client = Client::login(&cluster.node(node).ws_url(), user).await.unwrap();
        Self(task::spawn(echo(client)).abort_handle())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn echo(mut client: Client) {
    // A timeout is not a failure: the client is idle.
    for id in 0.. {
        let message = loop {
            match client.next_message().await {
                Ok(message) => break message,
                Err(trunkline_client::ClientError::Timeout(_)) => {}
                Err(error) => panic!("the peer: {error}"),
            }
        };
        client.send(&format!("e-{id}"), &message.from, message.body.get()).await.unwrap();
    }
}
