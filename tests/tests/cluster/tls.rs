//! Clients over TLS, by rustls as the client.

use std::{fs, path::Path, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, ServerName},
    },
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use trunkline_cli::local_cluster::LocalCluster;

use crate::support::{self, SOON, until};

type Session = WebSocketStream<TlsStream<TcpStream>>;

/// A certificate for the loopback address that signs itself, and its key.
struct SelfSigned {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

impl SelfSigned {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let certificate_pem = certificate.pem();
        Self { certificate: certificate.into(), certificate_pem, key_pem: key.serialize_pem() }
    }

    fn write(&self, folder: &Path) {
        fs::write(folder.join("tls.pem"), &self.certificate_pem).unwrap();
        fs::write(folder.join("tls.key"), &self.key_pem).unwrap();
    }

    /// Connects, trusting this certificate alone.
    async fn connect(
        &self,
        cluster: &LocalCluster,
        version: &'static SupportedProtocolVersion,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_protocol_versions(&[version]).unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let address = cluster.node("node-1").address();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::from(address.ip());
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    async fn log_in(
        &self,
        cluster: &LocalCluster,
        version: &'static SupportedProtocolVersion,
        user: &str,
    ) -> Session {
        let stream = self.connect(cluster, version).await.unwrap();
        let (mut session, _) = client_async("wss://127.0.0.1/ws", stream).await.unwrap();
        send(&mut session, json!({"type": "login", "user": user})).await;
        assert_eq!(next(&mut session).await["type"], "welcome");
        session
    }
}

async fn send(session: &mut Session, frame: Value) {
    session.send(Message::text(frame.to_string())).await.unwrap();
}

async fn next(session: &mut Session) -> Value {
    loop {
        let message = timeout(SOON, session.next()).await.unwrap().unwrap().unwrap();
        if let Message::Text(text) = message {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// A cluster of one node with this certificate for clients, and the folder with its files.
async fn cluster(certificate: &SelfSigned) -> (LocalCluster, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    certificate.write(folder.path());
    let path = |name| folder.path().join(name).display().to_string();
    let args = ["--tls-cert".to_owned(), path("tls.pem"), "--tls-key".to_owned(), path("tls.key")];
    (support::start(LocalCluster::builder().nodes(1).node_args(args)).await, folder)
}

/// Sends a message, and reads it and its receipt.
async fn exchange(from: &mut Session, to: &mut Session, name: &str) {
    send(from, json!({"type": "send", "id": "1", "to": name, "body": "hello"})).await;
    assert_eq!(next(to).await["body"], "hello");
    assert_eq!(next(from).await["outcome"], "delivered");
}

#[tokio::test]
async fn sessions_work_over_both_versions_of_tls() {
    let certificate = SelfSigned::new();
    let (cluster, _folder) = cluster(&certificate).await;
    let mut bob = certificate.log_in(&cluster, &rustls::version::TLS12, "bob").await;
    let mut alice = certificate.log_in(&cluster, &rustls::version::TLS13, "alice").await;
    exchange(&mut alice, &mut bob, "bob").await;
    exchange(&mut bob, &mut alice, "alice").await;
    alice.close(None).await.unwrap();
    let closed = timeout(SOON, alice.next()).await.unwrap();
    assert!(matches!(closed, Some(Ok(Message::Close(_)))), "{closed:?}");
}

/// What a socket takes only in part is delivered when the kernel has the last byte of it.
#[tokio::test]
async fn slow_reader_gets_everything_in_order() {
    const SENDS: usize = 60;
    let certificate = SelfSigned::new();
    let (cluster, _folder) = cluster(&certificate).await;
    let mut bob = certificate.log_in(&cluster, &rustls::version::TLS13, "bob").await;
    let mut alice = certificate.log_in(&cluster, &rustls::version::TLS13, "alice").await;
    let (mut delivered, mut busy) = (Vec::<usize>::new(), 0);
    // Bob does not read: the buffers of both sockets fill up, and then his.
    for number in 0..SENDS {
        let body = json!({"number": number, "fill": "x".repeat(60_000)});
        send(
            &mut alice,
            json!({"type": "send", "id": number.to_string(), "to": "bob", "body": body}),
        )
        .await;
    }
    let reading = async {
        let mut numbers = Vec::new();
        // Long enough for the queue to fill, shorter than the time after which a client is slow.
        sleep(Duration::from_secs(2)).await;
        while let Ok(Some(Ok(message))) = timeout(Duration::from_secs(3), bob.next()).await {
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(message["body"]["fill"].as_str().unwrap().len(), 60_000);
            numbers.push(message["body"]["number"].as_u64().unwrap() as usize);
        }
        numbers
    };
    let receipts = async {
        for _ in 0..SENDS {
            let receipt = next(&mut alice).await;
            match receipt["outcome"].as_str().unwrap() {
                "delivered" => delivered.push(receipt["id"].as_str().unwrap().parse().unwrap()),
                "busy" => busy += 1,
                other => panic!("{other}"),
            }
        }
    };
    let (numbers, ()) = tokio::join!(reading, receipts);
    delivered.sort_unstable();
    assert_eq!(numbers, delivered, "{busy} were busy");
    assert!(!numbers.is_empty());
}

#[tokio::test]
async fn certificate_is_replaced_without_a_restart_or_the_end_of_a_session() {
    let [first, second] = [SelfSigned::new(), SelfSigned::new()];
    let (cluster, folder) = cluster(&first).await;
    let tls13 = &rustls::version::TLS13;
    let mut session = first.log_in(&cluster, tls13, "alice").await;

    fs::write(folder.path().join("tls.key"), &second.key_pem).unwrap();
    let told = || async {
        let log = fs::read_to_string(cluster.node("node-1").log()).unwrap();
        log.contains("the last one stays").then_some(())
    };
    until("the node tells that the pair cannot be used", SOON, told).await;
    first.connect(&cluster, tls13).await.unwrap();

    second.write(folder.path());
    let second_is_used = || async { second.connect(&cluster, tls13).await.ok() };
    until("the new certificate is in use", SOON, second_is_used).await;
    assert!(first.connect(&cluster, tls13).await.is_err());
    send(&mut session, json!({"type": "ping"})).await;
    assert_eq!(next(&mut session).await["type"], "pong");
}
