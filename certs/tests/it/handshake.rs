//! Real QUIC handshakes over the loopback: who gets in, and what the others are told.

use std::{future::Future, net::Ipv4Addr, sync::Arc, time::Duration};

use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, ServerConfig,
    crypto::rustls::QuicClientConfig,
};
use rustls::{
    RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use trunkline_certs::{
    Alpn, Credentials, Identity, PeerError, RELAY_SERVER_NAME, Role, authorize, peer_identity,
};

use crate::cluster::Cluster;

/// Generous: a handshake takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn everyone_gets_in_where_their_role_belongs() {
    let cluster = Cluster::new();
    let cases = [
        (Role::Node, "node-1", Alpn::Link),
        (Role::Admin, "admin", Alpn::Admin),
        (Role::Viewer, "guest", Alpn::Admin),
    ];
    for (role, name, alpn) in cases {
        let client = cluster.credentials(role, name);
        let meeting = meet(&relay(&cluster), client.client_crypto(alpn)).await;
        let (identity, spoken) = meeting.at_relay.unwrap();
        assert_eq!((identity.role, identity.name.as_str(), spoken), (role, name, alpn));
        let (identity, spoken) = peer_identity(&meeting.at_client.unwrap()).unwrap();
        assert_eq!((identity.to_string().as_str(), spoken), ("relay/relay-1", alpn));
    }
}

#[tokio::test]
async fn a_role_is_told_why_it_may_not_speak_a_protocol() {
    let cluster = Cluster::new();
    let cases = [
        (Role::Node, Alpn::Admin, "the role node may not speak trunkline-admin/1"),
        (Role::Admin, Alpn::Link, "the role admin may not speak trunkline/1"),
        (Role::Viewer, Alpn::Link, "the role viewer may not speak trunkline/1"),
    ];
    for (role, alpn, reason) in cases {
        let client = cluster.credentials(role, "one");
        let meeting = meet(&relay(&cluster), client.client_crypto(alpn)).await;
        assert_eq!(meeting.refusal(), PeerError::RoleNotAllowed { role, alpn });
        assert_eq!(meeting.reason_at_client().await, reason);
    }
}

#[tokio::test]
async fn a_relay_opens_no_link() {
    let cluster = Cluster::new();
    let peer = cluster.credentials(Role::Relay, "relay-2");
    let meeting = meet(&relay(&cluster), peer.client_crypto(Alpn::Link)).await;
    assert!(matches!(meeting.at_relay, Err(Refused::InHandshake(_))), "it may not even dial");

    let san = ["relay-2.relay.trunkline", "relay.trunkline"];
    let peer = cluster.forge(Role::Relay, "relay-2", &san, |_| {}).load(Role::Relay, "relay-2");
    let meeting = meet(&relay(&cluster), peer.unwrap().client_crypto(Alpn::Link)).await;
    let wanted = PeerError::RoleNotAllowed { role: Role::Relay, alpn: Alpn::Link };
    assert_eq!(meeting.refusal(), wanted, "nor is its role enough if it could");
}

#[tokio::test]
async fn a_certificate_with_two_roles_opens_nothing() {
    let cluster = Cluster::new();
    let san = ["node-1.node.trunkline", "node.trunkline", "admin.trunkline"];
    cluster.forge(Role::Node, "node-1", &san, |_| {});
    let client = handmade_client(&cluster, Some("node/node-1"), b"trunkline/1");
    let refusal = meet(&relay(&cluster), client).await.refusal();
    assert_eq!(refusal.to_string(), "the certificate names more than one role and name");
}

#[tokio::test]
async fn a_stranger_without_a_certificate_stays_out() {
    let cluster = Cluster::new();
    let stranger = handmade_client(&cluster, None, b"trunkline/1");
    let meeting = meet(&relay(&cluster), stranger).await;
    assert!(meeting.told_in_handshake().contains("peer sent no certificates"));
}

#[tokio::test]
async fn another_clusters_node_stays_out() {
    let (cluster, other) = (Cluster::new(), Cluster::new());
    other.issue(Role::Node, "node-1");
    for file in ["node/node-1.pem", "node/node-1.key"] {
        cluster.write(file, &other.read(file));
    }
    let foreign = handmade_client(&cluster, Some("node/node-1"), b"trunkline/1");
    let meeting = meet(&relay(&cluster), foreign).await;
    assert!(meeting.told_in_handshake().contains("invalid peer certificate"));
}

#[tokio::test]
async fn the_ca_vouches_for_no_name_outside_trunkline() {
    let cluster = Cluster::new();
    let san = ["node-1.node.trunkline", "node.trunkline", "node.example.com"];
    cluster.forge(Role::Node, "node-1", &san, |_| {});
    let client = handmade_client(&cluster, Some("node/node-1"), b"trunkline/1");
    let told = meet(&relay(&cluster), client).await.told_in_handshake();
    assert!(told.contains("NameConstraintViolation"), "{told}");
}

#[tokio::test]
async fn an_unknown_or_missing_alpn_is_refused() {
    let cluster = Cluster::new();
    cluster.issue(Role::Node, "node-1");
    for alpn in [&b"trunkline/2"[..], b"h3", b""] {
        let client = handmade_client(&cluster, Some("node/node-1"), alpn);
        let meeting = meet(&relay(&cluster), client).await;
        let told = meeting.told_in_handshake();
        assert!(told.contains("any known protocol"), "{told}");
    }
}

#[tokio::test]
async fn another_clusters_relay_is_not_believed() {
    let (cluster, other) = (Cluster::new(), Cluster::new());
    let node = cluster.credentials(Role::Node, "node-1");
    let meeting = meet(&relay(&other), node.client_crypto(Alpn::Link)).await;
    let error = meeting.at_client.unwrap_err().to_string();
    assert!(error.contains("invalid peer certificate"), "{error}");
}

#[tokio::test]
async fn a_node_cannot_pose_as_a_relay() {
    let cluster = Cluster::new();
    let node = cluster.credentials(Role::Node, "node-1");
    let impostor = cluster.credentials(Role::Node, "relay");
    let meeting = meet(&impostor, node.client_crypto(Alpn::Link)).await;
    assert!(meeting.at_client.is_err(), "its certificate is not for serving");

    let san = ["relay.node.trunkline", "node.trunkline"];
    cluster.forge(Role::Node, "relay", &san, |_| {});
    let impostor = cluster.load(Role::Node, "relay").unwrap();
    let meeting = meet(&impostor, node.client_crypto(Alpn::Link)).await;
    let error = meeting.at_client.unwrap_err().to_string();
    assert!(error.contains("not valid for name \"relay.trunkline\""), "{error}");
}

/// How a connection attempt looked from both ends.
struct Meeting {
    at_client: Result<Connection, ConnectionError>,
    at_relay: Result<(Identity, Alpn), Refused>,
    /// Dropping an endpoint would cut what is still being told.
    _endpoints: [Endpoint; 2],
}

#[derive(Debug)]
enum Refused {
    InHandshake(ConnectionError),
    Afterwards(PeerError),
}

impl Meeting {
    fn refusal(&self) -> PeerError {
        match &self.at_relay {
            Err(Refused::Afterwards(error)) => *error,
            other => panic!("the relay should have refused, and had {other:?}"),
        }
    }

    /// What TLS says at the relay's end.
    fn told_in_handshake(&self) -> String {
        match &self.at_relay {
            Err(Refused::InHandshake(error)) => error.to_string(),
            other => panic!("the handshake should have failed, and ended in {other:?}"),
        }
    }

    async fn reason_at_client(self) -> String {
        match in_time(self.at_client.unwrap().closed()).await {
            ConnectionError::ApplicationClosed(close) => {
                String::from_utf8(close.reason.to_vec()).unwrap()
            }
            other => panic!("the relay should have closed with a reason, not {other}"),
        }
    }
}

/// Dials `relay` once and does there what a relay does.
async fn meet(relay: &Credentials, client: Arc<QuicClientConfig>) -> Meeting {
    let loopback = (Ipv4Addr::LOCALHOST, 0).into();
    let config = ServerConfig::with_crypto(relay.server_crypto());
    let server = Endpoint::server(config, loopback).unwrap();
    let dialler = Endpoint::client(loopback).unwrap();
    let address = server.local_addr().unwrap();
    let connecting = dialler.connect_with(ClientConfig::new(client), address, RELAY_SERVER_NAME);
    let both = async { tokio::join!(connecting.unwrap(), admit(&server)) };
    let (at_client, at_relay) = in_time(both).await;
    Meeting { at_client, at_relay, _endpoints: [server, dialler] }
}

async fn admit(server: &Endpoint) -> Result<(Identity, Alpn), Refused> {
    let connection = server.accept().await.unwrap().await.map_err(Refused::InHandshake)?;
    let admitted = peer_identity(&connection)
        .and_then(|(peer, alpn)| authorize(&peer, alpn).map(|()| (peer, alpn)));
    if let Err(error) = &admitted {
        connection.close(1u8.into(), error.to_string().as_bytes());
    }
    admitted.map_err(Refused::Afterwards)
}

fn relay(cluster: &Cluster) -> Credentials {
    cluster.credentials(Role::Relay, "relay-1")
}

/// A client that was not made by [`Credentials`], and shows whatever it likes.
fn handmade_client(cluster: &Cluster, files: Option<&str>, alpn: &[u8]) -> Arc<QuicClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(pem(cluster, "ca.pem")).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match files {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let chain: CertificateDer<'static> = pem(cluster, &format!("{files}.pem"));
            let key = pem(cluster, &format!("{files}.key"));
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
    };
    config.alpn_protocols = (!alpn.is_empty()).then(|| alpn.to_vec()).into_iter().collect();
    Arc::new(config.try_into().unwrap())
}

fn pem<T: PemObject>(cluster: &Cluster, file: &str) -> T {
    T::from_pem_slice(cluster.read(file).as_bytes()).unwrap()
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("it should have ended long ago")
}
