//! Peers that should not be here, or do not know how to behave. Each is told what is wrong, and
//! costs nobody else anything.

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
    cluster::{Cluster, name, patiently},
    node::{Node, assert_serves, closed, hello, message, open_control, receipt},
};

/// A cluster with two nodes that notice if the relay does not serve any more.
struct Scene {
    cluster: Cluster,
    a: Node,
    b: Node,
}

impl Scene {
    async fn set() -> Self {
        let cluster = Cluster::start();
        let (a, b) = (Node::join(&cluster, "a").await, Node::join(&cluster, "b").await);
        Self { cluster, a, b }
    }

    async fn node(&self, who: &str) -> Node {
        Node::join(&self.cluster, who).await
    }

    async fn assert_unharmed(mut self) {
        assert_serves(&mut self.a, &mut self.b).await;
    }
}

fn assert_sent_away((code, reason): (VarInt, String), wanted: VarInt, words: &str) {
    assert_eq!(code, wanted, "{reason}");
    assert!(reason.contains(words), "{reason:?} does not say {words:?}");
}

/// Dials with whatever certificate, or none, trusting the cluster's CA all the same; returns how
/// the relay ends it.
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
        Ok(connection) => patiently("a refusal", connection.closed()).await,
        Err(error) => error,
    }
}

fn pem(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

#[tokio::test]
async fn one_without_a_certificate() {
    let scene = Scene::set().await;
    let error = refusal(&scene, None).await;
    assert!(matches!(error, ConnectionError::ConnectionClosed(_)), "{error}");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn one_of_another_ca() {
    let scene = Scene::set().await;
    let elsewhere = tempfile::tempdir().unwrap();
    init(elsewhere.path()).unwrap();
    issue(elsewhere.path(), Role::Node, &name("a")).unwrap();
    let error = refusal(&scene, Some(elsewhere.path())).await;
    assert!(matches!(error, ConnectionError::ConnectionClosed(_)), "{error}");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn an_admin_who_wants_a_link() {
    let scene = Scene::set().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Admin, "a", Alpn::Link).await.unwrap();
    let close = closed(&connection).await;
    assert_sent_away(close, close_code::UNAUTHORIZED, "the role admin may not speak trunkline/1");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_node_that_wants_the_status_stream() {
    let scene = Scene::set().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Admin).await.unwrap();
    let close = closed(&connection).await;
    assert_sent_away(close, close_code::UNAUTHORIZED, "the role node may not speak");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn one_that_says_nothing_after_the_handshake() {
    let scene = Scene::set().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Link).await.unwrap();
    let begun = std::time::Instant::now();
    assert_sent_away(closed(&connection).await, close_code::SILENT, "no hello in time");
    assert!(begun.elapsed() >= HANDSHAKE_TIMEOUT / 2);
    scene.assert_unharmed().await;
}

async fn say_raw(scene: &Scene, bytes: &[u8]) -> (Endpoint, Connection) {
    let (endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Link).await.unwrap();
    let (writer, _reader) = open_control(&connection).await.unwrap();
    let mut stream = writer.into_inner();
    stream.write_all(bytes).await.unwrap();
    (endpoint, connection)
}

#[tokio::test]
async fn garbage_instead_of_a_hello() {
    let scene = Scene::set().await;
    let (_endpoint, connection) = say_raw(&scene, b"\x04\0\0\0GET /").await;
    assert_sent_away(closed(&connection).await, close_code::MALFORMED, "control stream: ");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn an_endless_control_message() {
    let scene = Scene::set().await;
    let (_endpoint, connection) = say_raw(&scene, &[0xff; 64]).await;
    let words = format!("at most {CONTROL_BYTES_MAX} bytes");
    assert_sent_away(closed(&connection).await, close_code::MALFORMED, &words);
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn something_before_the_hello() {
    let scene = Scene::set().await;
    let bytes = trunkline_protocol::control::encode(&ToRelay::Draining);
    let (_endpoint, connection) = say_raw(&scene, &bytes).await;
    assert_sent_away(closed(&connection).await, close_code::MALFORMED, "begins with a hello");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn another_version() {
    let scene = Scene::set().await;
    let mut newer = hello(Incarnation::fresh());
    newer.version = 9;
    let bytes = trunkline_protocol::control::encode(&ToRelay::Hello(newer));
    let (_endpoint, connection) = say_raw(&scene, &bytes).await;
    assert_sent_away(closed(&connection).await, close_code::VERSION, "version 1, the node 9");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_hello_that_would_be_told_to_everyone_at_length() {
    let scene = Scene::set().await;
    let mut long = hello(Incarnation::fresh());
    long.url = "w".repeat(10_000);
    let bytes = trunkline_protocol::control::encode(&ToRelay::Hello(long));
    let (_endpoint, connection) = say_raw(&scene, &bytes).await;
    assert_sent_away(closed(&connection).await, close_code::MALFORMED, "url has at most");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_control_stream_that_is_cut_short() {
    let scene = Scene::set().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Link).await.unwrap();
    let (mut writer, mut reader) = open_control(&connection).await.unwrap();
    writer.write(&ToRelay::Hello(hello(Incarnation::fresh()))).await.unwrap();
    assert!(matches!(reader.read().await.unwrap(), Some(ToNode::Welcome { .. })));
    let mut stream = writer.into_inner();
    stream.write_all(&[9, 0, 0, 0, b'{']).await.unwrap();
    stream.finish().unwrap();
    assert_sent_away(closed(&connection).await, close_code::MALFORMED, "control stream");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn garbage_on_a_lane() {
    let scene = Scene::set().await;
    let mut c = scene.node("c").await;
    c.write(1, &[0xff; 2 * HEADER_BYTES]).await;
    assert_sent_away(c.closed().await, close_code::MALFORMED, "lane 1: no batch is of kind 255");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_lane_that_does_not_begin_as_one() {
    let scene = Scene::set().await;
    let (_endpoint, connection) = scene.cluster.dial(Role::Node, "c", Alpn::Link).await.unwrap();
    let (mut writer, mut reader) = open_control(&connection).await.unwrap();
    writer.write(&ToRelay::Hello(hello(Incarnation::fresh()))).await.unwrap();
    reader.read().await.unwrap().unwrap();
    let mut lane = connection.open_uni().await.unwrap();
    lane.write_all(b"HTTP/1.1 200 OK").await.unwrap();
    assert_sent_away(
        closed(&connection).await,
        close_code::MALFORMED,
        "lane 0: a lane starts with",
    );
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn half_a_batch() {
    let scene = Scene::set().await;
    let mut c = scene.node("c").await;
    let whole = message(scene.b.incarnation, 1, b"{}");
    c.write(0, &whole[..whole.len() - 1]).await;
    c.finish(0);
    assert_sent_away(c.closed().await, close_code::MALFORMED, "lane 0: the lane was finished");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn an_endless_batch() {
    let scene = Scene::set().await;
    let mut c = scene.node("c").await;
    let mut header = [0; HEADER_BYTES];
    header[0] = BatchKind::Messages as u8;
    header[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    c.write(0, &header).await;
    let words = format!("at most {BATCH_BYTES_MAX} bytes");
    assert_sent_away(c.closed().await, close_code::MALFORMED, &words);
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn batches_on_lanes_that_are_not_for_them() {
    let scene = Scene::set().await;
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
        ids: to,
    };
    let cases = [
        (RECEIPT_LANE, message(to, 1, b"{}"), "of kind Messages has no place on lane 4"),
        (0, receipt(to, 1), "of kind Receipts has no place on lane 0"),
        (RECEIPT_LANE, refusal.encode().to_vec(), "of kind RefusedFull has no place"),
    ];
    for (lane, bytes, words) in cases {
        let mut c = scene.node("c").await;
        c.write(lane, &bytes).await;
        assert_sent_away(c.closed().await, close_code::MALFORMED, words);
    }
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn more_streams_than_a_link_has() {
    let scene = Scene::set().await;
    let c = scene.node("c").await;
    let extra =
        tokio::time::timeout(std::time::Duration::from_millis(300), c.connection.open_uni());
    assert!(extra.await.is_err(), "the relay grants no sixth lane");
    assert!(!matches!(c.connection.close_reason(), Some(ConnectionError::ApplicationClosed(_))));
    scene.assert_unharmed().await;
}
