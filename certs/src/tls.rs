//! The TLS that links and status streams run on. The one place where cryptography is chosen.

use std::{fmt, sync::Arc};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::TLS13,
};

use crate::identity::{RELAY_SERVER_NAME, Role};

/// The ALPN of a link between a node and a relay.
pub const ALPN_LINK: &[u8] = b"trunkline/1";

/// The ALPN of a relay's status stream.
pub const ALPN_ADMIN: &[u8] = b"trunkline-admin/1";

/// What a connection to a relay is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// A node's link.
    Link,
    /// The status stream.
    Admin,
}

impl Alpn {
    const ALL: [Self; 2] = [Self::Link, Self::Admin];

    /// The protocol's name, as TLS negotiates it.
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Link => ALPN_LINK,
            Self::Admin => ALPN_ADMIN,
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

/// The cluster's CA, and how a peer's certificate is held against it.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    clients: Arc<dyn ClientCertVerifier>,
    servers: Arc<WebPkiServerVerifier>,
}

impl Trust {
    /// Trusts `ca` and no one else. Fails if `ca` cannot be parsed.
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

    /// Judges a certificate as a peer of its holder will.
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

    /// Joins a certificate and its key. Fails with [`rustls::Error::InconsistentKeys`] if they
    /// do not belong together, otherwise if the key is of no known kind.
    pub(crate) fn pair(
        &self,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Arc<CertifiedKey>, rustls::Error> {
        CertifiedKey::from_der(vec![certificate], key, &self.provider).map(Arc::new)
    }

    /// The server's side: asks for a certificate, offers both ALPNs, hands out no tickets.
    pub(crate) fn server(&self, key: Arc<CertifiedKey>) -> Arc<QuicServerConfig> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])
            .expect("the provider speaks TLS 1.3")
            .with_client_cert_verifier(self.clients.clone())
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = Alpn::ALL.map(|alpn| alpn.as_bytes().to_vec()).to_vec();
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Arc::new(config.try_into().expect("the provider has QUIC's initial cipher suite"))
    }

    /// The dialler's side: shows its certificate, asks for one ALPN, resumes nothing.
    pub(crate) fn client(&self, key: Arc<CertifiedKey>, alpn: Alpn) -> Arc<QuicClientConfig> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])
            .expect("the provider speaks TLS 1.3")
            .with_webpki_verifier(self.servers.clone())
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        config.resumption = Resumption::disabled();
        Arc::new(config.try_into().expect("the provider has QUIC's initial cipher suite"))
    }
}
