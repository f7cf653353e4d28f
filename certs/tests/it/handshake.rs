//! QUIC handshakes over loopback: which peers are admitted, and why the others are not.

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

use crate::folder::CertsFolder;

/// Generous: a handshake takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn every_role_may_use_its_protocol() {
    let folder = CertsFolder::new();
    let cases = [
        (Role::Node, "node-1", Alpn::Link),
        (Role::Admin, "admin", Alpn::Admin),
        (Role::Viewer, "guest", Alpn::Admin),
    ];
    for (role, name, alpn) in cases {
        let client = folder.credentials(role, name);
        let attempt = connect(&relay(&folder), client.client_crypto(alpn)).await;
        let (identity, spoken) = attempt.at_relay.unwrap();
        assert_eq!((identity.role, identity.name.as_str(), spoken), (role, name, alpn));
        let (identity, spoken) = peer_identity(&attempt.at_client.unwrap()).unwrap();
        assert_eq!((identity.to_string().as_str(), spoken), ("relay/relay-1", alpn));
    }
}

#[tokio::test]
async fn rejected_role_receives_the_reason() {
    let folder = CertsFolder::new();
    let cases = [
        (Role::Node, Alpn::Admin, "the role node may not speak trunkline-admin/1"),
        (Role::Admin, Alpn::Link, "the role admin may not speak trunkline/1"),
        (Role::Viewer, Alpn::Link, "the role viewer may not speak trunkline/1"),
    ];
    for (role, alpn, reason) in cases {
        let client = folder.credentials(role, "one");
        let attempt = connect(&relay(&folder), client.client_crypto(alpn)).await;
        assert_eq!(attempt.rejection(), PeerError::RoleNotAllowed { role, alpn });
        assert_eq!(attempt.reason_at_client().await, reason);
    }
}

#[tokio::test]
async fn relay_may_not_open_a_link() {
    let folder = CertsFolder::new();
    let peer = folder.credentials(Role::Relay, "relay-2");
    let attempt = connect(&relay(&folder), peer.client_crypto(Alpn::Link)).await;
    assert!(
        matches!(attempt.at_relay, Err(Rejected::InHandshake(_))),
        "its certificate is not for clients"
    );

    let san = ["relay-2.relay.trunkline", "relay.trunkline"];
    let peer = folder.forge(Role::Relay, "relay-2", &san, |_| {}).load(Role::Relay, "relay-2");
    let attempt = connect(&relay(&folder), peer.unwrap().client_crypto(Alpn::Link)).await;
    let wanted = PeerError::RoleNotAllowed { role: Role::Relay, alpn: Alpn::Link };
    assert_eq!(attempt.rejection(), wanted, "a certificate for clients does not help a relay");
}

#[tokio::test]
async fn certificate_with_two_roles_is_rejected() {
    let folder = CertsFolder::new();
    let san = ["node-1.node.trunkline", "node.trunkline", "admin.trunkline"];
    folder.forge(Role::Node, "node-1", &san, |_| {});
    let client = custom_client(&folder, Some("node/node-1"), b"trunkline/1");
    let rejection = connect(&relay(&folder), client).await.rejection();
    assert_eq!(rejection.to_string(), "the certificate names more than one role and name");
}

#[tokio::test]
async fn client_without_a_certificate_is_rejected() {
    let folder = CertsFolder::new();
    let stranger = custom_client(&folder, None, b"trunkline/1");
    let attempt = connect(&relay(&folder), stranger).await;
    assert!(attempt.handshake_error().contains("peer sent no certificates"));
}

#[tokio::test]
async fn node_of_another_cluster_is_rejected() {
    let (folder, other) = (CertsFolder::new(), CertsFolder::new());
    other.issue(Role::Node, "node-1");
    for file in ["node/node-1.pem", "node/node-1.key"] {
        folder.write(file, &other.read(file));
    }
    let foreign = custom_client(&folder, Some("node/node-1"), b"trunkline/1");
    let attempt = connect(&relay(&folder), foreign).await;
    assert!(attempt.handshake_error().contains("invalid peer certificate"));
}

#[tokio::test]
async fn ca_signs_no_name_outside_its_zone() {
    let folder = CertsFolder::new();
    let san = ["node-1.node.trunkline", "node.trunkline", "node.example.com"];
    folder.forge(Role::Node, "node-1", &san, |_| {});
    let client = custom_client(&folder, Some("node/node-1"), b"trunkline/1");
    let error = connect(&relay(&folder), client).await.handshake_error();
    assert!(error.contains("NameConstraintViolation"), "{error}");
}

#[tokio::test]
async fn unknown_or_missing_alpn_is_rejected() {
    let folder = CertsFolder::new();
    folder.issue(Role::Node, "node-1");
    for alpn in [&b"trunkline/2"[..], b"h3", b""] {
        let client = custom_client(&folder, Some("node/node-1"), alpn);
        let attempt = connect(&relay(&folder), client).await;
        let error = attempt.handshake_error();
        assert!(error.contains("any known protocol"), "{error}");
    }
}

#[tokio::test]
async fn relay_of_another_cluster_is_rejected() {
    let (folder, other) = (CertsFolder::new(), CertsFolder::new());
    let node = folder.credentials(Role::Node, "node-1");
    let attempt = connect(&relay(&other), node.client_crypto(Alpn::Link)).await;
    let error = attempt.at_client.unwrap_err().to_string();
    assert!(error.contains("invalid peer certificate"), "{error}");
}

#[tokio::test]
async fn node_cannot_impersonate_a_relay() {
    let folder = CertsFolder::new();
    let node = folder.credentials(Role::Node, "node-1");
    let impostor = folder.credentials(Role::Node, "relay");
    let attempt = connect(&impostor, node.client_crypto(Alpn::Link)).await;
    assert!(attempt.at_client.is_err(), "its certificate is not for servers");

    let san = ["relay.node.trunkline", "node.trunkline"];
    folder.forge(Role::Node, "relay", &san, |_| {});
    let impostor = folder.load(Role::Node, "relay").unwrap();
    let attempt = connect(&impostor, node.client_crypto(Alpn::Link)).await;
    let error = attempt.at_client.unwrap_err().to_string();
    assert!(error.contains("not valid for name \"relay.trunkline\""), "{error}");
}

/// The result of a connection attempt at both ends.
struct Attempt {
    at_client: Result<Connection, ConnectionError>,
    at_relay: Result<(Identity, Alpn), Rejected>,
    /// Dropping an endpoint would lose its last packets.
    _endpoints: [Endpoint; 2],
}

#[derive(Debug)]
enum Rejected {
    InHandshake(ConnectionError),
    Afterwards(PeerError),
}

impl Attempt {
    fn rejection(&self) -> PeerError {
        match &self.at_relay {
            Err(Rejected::Afterwards(error)) => *error,
            other => panic!("the relay should have rejected it, and had {other:?}"),
        }
    }

    /// The TLS error at the relay's end.
    fn handshake_error(&self) -> String {
        match &self.at_relay {
            Err(Rejected::InHandshake(error)) => error.to_string(),
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

/// Dials `relay` once, which checks the peer as a relay does.
async fn connect(relay: &Credentials, client: Arc<QuicClientConfig>) -> Attempt {
    let loopback = (Ipv4Addr::LOCALHOST, 0).into();
    let config = ServerConfig::with_crypto(relay.server_crypto());
    let server = Endpoint::server(config, loopback).unwrap();
    let dialler = Endpoint::client(loopback).unwrap();
    let address = server.local_addr().unwrap();
    let connecting = dialler.connect_with(ClientConfig::new(client), address, RELAY_SERVER_NAME);
    let both = async { tokio::join!(connecting.unwrap(), admit(&server)) };
    let (at_client, at_relay) = in_time(both).await;
    Attempt { at_client, at_relay, _endpoints: [server, dialler] }
}

async fn admit(server: &Endpoint) -> Result<(Identity, Alpn), Rejected> {
    let connection = server.accept().await.unwrap().await.map_err(Rejected::InHandshake)?;
    let admitted = peer_identity(&connection)
        .and_then(|(peer, alpn)| authorize(&peer, alpn).map(|()| (peer, alpn)));
    if let Err(error) = &admitted {
        connection.close(1u8.into(), error.to_string().as_bytes());
    }
    admitted.map_err(Rejected::Afterwards)
}

fn relay(folder: &CertsFolder) -> Credentials {
    folder.credentials(Role::Relay, "relay-1")
}

/// A client that [`Credentials`] would not build.
fn custom_client(folder: &CertsFolder, files: Option<&str>, alpn: &[u8]) -> Arc<QuicClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(pem(folder, "ca.pem")).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match files {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let chain: CertificateDer<'static> = pem(folder, &format!("{files}.pem"));
            let key = pem(folder, &format!("{files}.key"));
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
    };
    config.alpn_protocols = (!alpn.is_empty()).then(|| alpn.to_vec()).into_iter().collect();
    Arc::new(config.try_into().unwrap())
}

fn pem<T: PemObject>(folder: &CertsFolder, file: &str) -> T {
    T::from_pem_slice(folder.read(file).as_bytes()).unwrap()
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("it should have ended long ago")
}
