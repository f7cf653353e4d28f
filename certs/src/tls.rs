//! The TLS configuration of links and status streams: the only place that selects cryptography.

use std::{fmt, sync::Arc};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::{ResolvesClientCert, Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::{
        NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
        danger::ClientCertVerifier,
    },
    sign::CertifiedKey,
    version::TLS13,
};

use crate::identity::{RELAY_SERVER_NAME, Role};

/// The protocol of a connection to a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// The link of a node.
    Link,
    /// The status stream.
    Admin,
}

impl Alpn {
    const ALL: [Self; 2] = [Self::Link, Self::Admin];

    /// The protocol's name in TLS.
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Link => b"trunkline/1",
            Self::Admin => b"trunkline-admin/1",
        }
    }

    pub(crate) fn from_bytes(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|alpn| alpn.as_bytes() == name)
    }
}

impl fmt::Display for Alpn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

/// The verifiers that trust only the cluster's CA.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    clients: Arc<dyn ClientCertVerifier>,
    servers: Arc<WebPkiServerVerifier>,
}

impl Trust {
    /// Trusts only `ca`. Fails if `ca` cannot be parsed.
    pub(crate) fn in_ca(ca: CertificateDer<'static>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(ca)?;
        let roots = Arc::new(roots);
        let clients =
            WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
        let servers = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
        Ok(Self {
            provider,
            clients: clients.expect("there is a root and no revocation list"),
            servers: servers.expect("there is a root and no revocation list"),
        })
    }

    /// Verifies a certificate like a peer of its holder.
    pub(crate) fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        role: Role,
    ) -> Result<(), rustls::Error> {
        let now = UnixTime::now();
        match role {
            Role::Relay => {
                let name = ServerName::try_from(RELAY_SERVER_NAME).expect("it is a DNS name");
                self.servers.verify_server_cert(certificate, &[], &name, &[], now).map(|_| ())
            }
            Role::Node | Role::Admin | Role::Viewer => {
                self.clients.verify_client_cert(certificate, &[], now).map(|_| ())
            }
        }
    }

    /// Joins a certificate and its key. Fails with [`rustls::Error::InconsistentKeys`] if they do
    /// not match, and with another error if the key type is unknown.
    pub(crate) fn certified_key(
        &self,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Arc<CertifiedKey>, rustls::Error> {
        CertifiedKey::from_der(vec![certificate], key, &self.provider).map(Arc::new)
    }

    /// The server configuration: requires a certificate, offers both ALPNs, issues no tickets.
    pub(crate) fn server(&self, key: Arc<dyn ResolvesServerCert>) -> Arc<QuicServerConfig> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])
            .expect("the provider speaks TLS 1.3")
            .with_client_cert_verifier(self.clients.clone())
            .with_cert_resolver(key);
        config.alpn_protocols = Alpn::ALL.map(|alpn| alpn.as_bytes().to_vec()).to_vec();
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Arc::new(config.try_into().expect("the provider has QUIC's initial cipher suite"))
    }

    /// The client configuration: presents a certificate, asks for one ALPN, resumes no session.
    pub(crate) fn client(
        &self,
        key: Arc<dyn ResolvesClientCert>,
        alpn: Alpn,
    ) -> Arc<QuicClientConfig> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])
            .expect("the provider speaks TLS 1.3")
            .with_webpki_verifier(self.servers.clone())
            .with_client_cert_resolver(key);
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        config.resumption = Resumption::disabled();
        Arc::new(config.try_into().expect("the provider has QUIC's initial cipher suite"))
    }
}
