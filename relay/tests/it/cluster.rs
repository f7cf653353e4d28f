//! A CA, a Redis, and a relay in a thread of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    thread::{self, JoinHandle},
    time::Duration,
};

use quinn::{Connection, ConnectionError, Endpoint};
use tempfile::TempDir;
use tokio::sync::oneshot;
use trunkline_certs::{Alpn, Credentials, RELAY_SERVER_NAME, Role, init, issue};
use trunkline_directory::{Directory, defaults::KEY_PREFIX, testing::RedisServer};
use trunkline_protocol::Name;
use trunkline_relay::{Relay, RelayConfig};

/// Long enough for anything, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct TestCluster {
    certs: TempDir,
    pub(crate) redis: RedisServer,
    pub(crate) relay: RunningRelay,
}

pub(crate) struct RunningRelay {
    pub(crate) address: SocketAddr,
    pub(crate) ops: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestCluster {
    pub(crate) fn start() -> Self {
        let certs = tempfile::tempdir().unwrap();
        init(certs.path()).unwrap();
        let redis = RedisServer::start().unwrap();
        issue(certs.path(), Role::Relay, &name("relay-1")).unwrap();
        let relay = RunningRelay::start(config(certs.path(), &redis.url(), 0));
        Self { certs, redis, relay }
    }

    pub(crate) fn certs(&self) -> &Path {
        self.certs.path()
    }

    /// Stops the relay, does `meanwhile`, and starts it again at its address.
    pub(crate) async fn restart_relay(&mut self, meanwhile: impl Future<Output = ()>) {
        let port = self.relay.address.port();
        self.relay.stop();
        meanwhile.await;
        self.relay = RunningRelay::start(config(self.certs.path(), &self.redis.url(), port));
    }

    pub(crate) fn credentials(&self, role: Role, who: &str) -> Credentials {
        issue(self.certs(), role, &name(who)).unwrap();
        Credentials::load(self.certs(), role, &name(who)).unwrap()
    }

    pub(crate) fn directory(&self) -> Directory {
        Directory::open(&self.redis.url(), KEY_PREFIX).unwrap()
    }

    /// Dials the relay with a certificate of this cluster.
    pub(crate) async fn dial(
        &self,
        role: Role,
        who: &str,
        alpn: Alpn,
    ) -> Result<(Endpoint, Connection), ConnectionError> {
        dial(&self.credentials(role, who), alpn, self.relay.address).await
    }
}

impl RunningRelay {
    pub(crate) fn start(config: RelayConfig) -> Self {
        let relay = Relay::load(&config).unwrap();
        let (address, ops) = (relay.address(), relay.ops_address().unwrap());
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let shutdown = async { drop(stopped.await) };
            runtime.unwrap().block_on(relay.run(shutdown)).unwrap();
        });
        Self { address, ops, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for RunningRelay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread has printed its panic.
            let _ = thread.join();
        }
    }
}

pub(crate) fn config(certs: &Path, redis: &str, port: u16) -> RelayConfig {
    RelayConfig {
        listen: format!("127.0.0.1:{port}").parse().unwrap(),
        redis: redis.into(),
        redis_prefix: KEY_PREFIX.to_owned(),
        certs: certs.to_owned(),
        name: name("relay-1"),
        ops: Some("127.0.0.1:0".parse().unwrap()),
    }
}

pub(crate) async fn dial(
    credentials: &Credentials,
    alpn: Alpn,
    relay: SocketAddr,
) -> Result<(Endpoint, Connection), ConnectionError> {
    let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let config = trunkline_link::client_config(credentials.client_crypto(alpn));
    let connecting = endpoint.connect_with(config, relay, RELAY_SERVER_NAME).unwrap();
    let connection = connecting.await?;
    Ok((endpoint, connection))
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Waits for something, with a time limit.
pub(crate) async fn within_patience<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waiting = tokio::time::timeout(PATIENCE, future);
    waiting.await.unwrap_or_else(|_| panic!("timed out: {what}"))
}

/// Waits until `holds` is true.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within_patience(what, waiting).await;
}
