//! Peers without permission, and peers that break the protocol. Each gets the reason as
//! it is closed, and harms no other peer.

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use quinn::{Connection, ConnectionError, Endpoint, VarInt, crypto::rustls::QuicClientConfig};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use trunkline_certs::{Alpn, RELAY_SERVER_NAME, Role, init, issue};
use trunkline_link::{close_code, defaults::HANDSHAKE_TIMEOUT};
use trunkline_protocol::{
    Incarnation,
    control::{CONTROL_BYTES_MAX, ToNode, ToRelay},
    lane::{BATCH_BYTES_MAX, BatchHeader, BatchKind, HEADER_BYTES, RECEIPT_LANE},
};

use crate::{
    batches::{message, receipt},
    cluster::{TestCluster, name, within_patience},
    fake_node::{FakeNode, assert_forwards, closed, hello, open_control},
};

/// A cluster with two nodes, which must not be harmed.
struct Scene {
    cluster: TestCluster,
    a: FakeNode,
    b: FakeNode,
}

impl Scene {
    async fn start() -> Self {
        let cluster = TestCluster::start();
        let (a, b) = (FakeNode::join(&cluster, "a").await, FakeNode::join(&cluster, "b").await);
        Self { cluster, a, b }
    }

    async fn node(&self, who: &str) -> FakeNode {
        FakeNode::join(&self.cluster, who).await
    }

    async fn assert_unharmed(mut self) {
        assert_forwards(&mut self.a, &mut self.b).await;
    }
}

fn assert_rejected((code, reason): (VarInt, String), wanted: VarInt, words: &str) {
    assert_eq!(code, wanted, "{reason}");
    assert!(reason.contains(words), "{reason:?} lacks {words:?}");
}

/// Dials with any certificate, or none; returns how the relay ends the connection.
async fn refusal(scene: &Scene, shown: Option<&Path>) -> ConnectionError {
    let mut roots = RootCertStore::empty();
    roots.add(pem(&scene.cluster.certs().join("ca.pem"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        Some(dir) => {
            let key = PrivateKeyDer::from_pem_file(dir.join("node/a.key")).unwrap();
            config.with_client_auth_cert(vec![pem(&dir.join("node/a.pem"))], key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![Alpn::Link.as_bytes().to_vec()];
    let crypto = Arc::new(QuicClientConfig::try_from(config).unwrap());
    let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let config = trunkline_link::client_config(crypto);
    let relay = scene.cluster.relay.address;
    match endpoint.connect_with(config, relay, RELAY_SERVER_NAME).unwrap().await {
        Ok(connection) => within_patience("a refusal", connection.closed()).await,
        Err(error) => error,
    }
}

fn pem(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

#[tokio::test]
async fn peer_without_certificate_is_rejected() {
    let scene = Scene::start().await;
    let error = refusal(&scene, None).await;
    assert!(matches!(error, ConnectionError::ConnectionClosed(_)), "{error}");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn certificate_of_another_ca_is_rejected() {
    let scene = Scene::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    init(elsewhere.path()).unwrap();
    issue(elsewhere.path(), Role::Node, &name("a")).unwrap();
    let error = refusal(&scene, Some(elsewhere.path())).await;
    assert!(matches!(error, ConnectionError::ConnectionClosed(_)), "{error}");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn admin_gets_no_link() {
    let scene = Scene::start().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Admin, "a", Alpn::Link).await.unwrap();
    let close = closed(&connection).await;
    assert_rejected(close, close_code::UNAUTHORIZED, "the role admin may not speak trunkline/1");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn node_gets_no_status_stream() {
    let scene = Scene::start().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Admin).await.unwrap();
    let close = closed(&connection).await;
    assert_rejected(close, close_code::UNAUTHORIZED, "the role node may not speak");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn peer_without_hello_is_closed_as_silent() {
    let scene = Scene::start().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Link).await.unwrap();
    let begun = std::time::Instant::now();
    assert_rejected(closed(&connection).await, close_code::SILENT, "no hello in time");
    assert!(begun.elapsed() >= HANDSHAKE_TIMEOUT / 2);
    scene.assert_unharmed().await;
}

async fn send_raw(scene: &Scene, bytes: &[u8]) -> (Endpoint, Connection) {
    let (endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Link).await.unwrap();
    let (writer, _reader) = open_control(&connection).await.unwrap();
    let mut stream = writer.into_inner();
    stream.write_all(bytes).await.unwrap();
    (endpoint, connection)
}

#[tokio::test]
async fn garbage_is_no_hello() {
    let scene = Scene::start().await;
    let (_endpoint, connection) = send_raw(&scene, b"\x04\0\0\0GET /").await;
    assert_rejected(closed(&connection).await, close_code::MALFORMED, "control stream: ");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn control_messages_are_bounded() {
    let scene = Scene::start().await;
    let (_endpoint, connection) = send_raw(&scene, &[0xff; 64]).await;
    let words = format!("at most {CONTROL_BYTES_MAX} bytes");
    assert_rejected(closed(&connection).await, close_code::MALFORMED, &words);
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn first_message_must_be_a_hello() {
    let scene = Scene::start().await;
    let bytes = trunkline_protocol::control::encode(&ToRelay::Draining);
    let (_endpoint, connection) = send_raw(&scene, &bytes).await;
    assert_rejected(closed(&connection).await, close_code::MALFORMED, "begins with a hello");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn other_version_is_rejected() {
    let scene = Scene::start().await;
    let mut newer = hello(Incarnation::fresh());
    newer.version = 9;
    let bytes = trunkline_protocol::control::encode(&ToRelay::Hello(newer));
    let (_endpoint, connection) = send_raw(&scene, &bytes).await;
    assert_rejected(closed(&connection).await, close_code::VERSION, "version 1, the node 9");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn fields_of_the_hello_are_bounded() {
    let scene = Scene::start().await;
    let mut long = hello(Incarnation::fresh());
    long.url = "w".repeat(10_000);
    let bytes = trunkline_protocol::control::encode(&ToRelay::Hello(long));
    let (_endpoint, connection) = send_raw(&scene, &bytes).await;
    assert_rejected(closed(&connection).await, close_code::MALFORMED, "url has at most");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn truncated_control_stream_is_malformed() {
    let scene = Scene::start().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Link).await.unwrap();
    let (mut writer, mut reader) = open_control(&connection).await.unwrap();
    writer.write(&ToRelay::Hello(hello(Incarnation::fresh()))).await.unwrap();
    assert!(matches!(reader.read().await.unwrap(), Some(ToNode::Welcome { .. })));
    let mut stream = writer.into_inner();
    stream.write_all(&[9, 0, 0, 0, b'{']).await.unwrap();
    stream.finish().unwrap();
    assert_rejected(closed(&connection).await, close_code::MALFORMED, "control stream");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn garbage_on_a_lane_is_malformed() {
    let scene = Scene::start().await;
    let mut c = scene.node("c").await;
    c.write(1, &[0xff; 2 * HEADER_BYTES]).await;
    assert_rejected(c.closed().await, close_code::MALFORMED, "lane 1: no batch is of kind 255");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn lane_without_preamble_is_malformed() {
    let scene = Scene::start().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Link).await.unwrap();
    let (mut writer, mut reader) = open_control(&connection).await.unwrap();
    writer.write(&ToRelay::Hello(hello(Incarnation::fresh()))).await.unwrap();
    reader.read().await.unwrap().unwrap();
    let mut lane = connection.open_uni().await.unwrap();
    lane.write_all(b"HTTP/1.1 200 OK").await.unwrap();
    assert_rejected(closed(&connection).await, close_code::MALFORMED, "lane 0: a lane starts with");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn truncated_batch_is_malformed() {
    let scene = Scene::start().await;
    let mut c = scene.node("c").await;
    let whole = message(scene.b.incarnation, 1, b"{}");
    c.write(0, &whole[..whole.len() - 1]).await;
    c.finish(0);
    assert_rejected(c.closed().await, close_code::MALFORMED, "lane 0: the lane was finished");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn batches_are_bounded() {
    let scene = Scene::start().await;
    let mut c = scene.node("c").await;
    let mut header = [0; HEADER_BYTES];
    header[0] = BatchKind::Messages as u8;
    header[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    c.write(0, &header).await;
    let words = format!("at most {BATCH_BYTES_MAX} bytes");
    assert_rejected(c.closed().await, close_code::MALFORMED, &words);
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn batch_on_wrong_lane_is_malformed() {
    let scene = Scene::start().await;
    let to = scene.b.incarnation;
    let refusal = BatchHeader {
        kind: BatchKind::RefusedFull,
        traced: false,
        count: 1,
        length: 0,
        peer: to,
        first: 1,
        span: 0,
        batch: 1,
        id_incarnation: to,
    };
    let cases = [
        (RECEIPT_LANE, message(to, 1, b"{}"), "of kind Messages is not allowed on lane 4"),
        (0, receipt(to, 1), "of kind Receipts is not allowed on lane 0"),
        (RECEIPT_LANE, refusal.encode().to_vec(), "of kind RefusedFull is not allowed"),
    ];
    for (lane, bytes, words) in cases {
        let mut c = scene.node("c").await;
        c.write(lane, &bytes).await;
        assert_rejected(c.closed().await, close_code::MALFORMED, words);
    }
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn sixth_lane_is_not_granted() {
    let scene = Scene::start().await;
    let c = scene.node("c").await;
    let extra =
        tokio::time::timeout(std::time::Duration::from_millis(300), c.connection.open_uni());
    assert!(extra.await.is_err(), "the relay grants no sixth lane");
    assert!(!matches!(c.connection.close_reason(), Some(ConnectionError::ApplicationClosed(_))));
    scene.assert_unharmed().await;
}
