use std::{path::Path, sync::Arc, time::SystemTime};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{CertificateError, sign::CertifiedKey};
use trunkline_protocol::Name;

use crate::{
    certificate::{CertificateFile, load_ca},
    error::{CertsError, CertsErrorKind},
    files::{Pair, read_key},
    identity::{Identity, Role},
    remedy,
    tls::{Alpn, Trust},
};

/// What a process authenticates with: a certificate of one role and name, its key, and the cluster's
/// CA. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Credentials {
    not_after: SystemTime,
    key: Arc<CertifiedKey>,
    trust: Trust,
}

impl Credentials {
    /// Reads `ca.pem`, `<role>/<name>.pem` and `<role>/<name>.key` in `dir`. Makes every check that a
    /// peer makes, so that an error names the file instead of a failed handshake.
    ///
    /// # Errors
    /// If a file is missing, unreadable or not PEM, if the certificate has another CA, role or name
    /// or is out of date, or if the key belongs to another certificate.
    pub fn load(dir: &Path, role: Role, name: &Name) -> Result<Self, CertsError> {
        let identity = Identity { role, name: name.clone() };
        let ca = load_ca(dir)?;
        let trust = Trust::in_ca(ca.der.clone())
            .map_err(|_| ca.not_pem().with_remedy(remedy::bring_ca(dir)))?;
        let files = Pair::of(dir, &identity);
        Self::load_pair(&files, &identity, &ca, trust).map_err(|error| {
            let never_issued = matches!(
                &error, CertsErrorKind::Missing { path } if *path == files.certificate
            );
            error.with_remedy(match never_issued {
                true => remedy::issue(dir, &identity),
                false => remedy::issue_again(dir, &identity),
            })
        })
    }

    fn load_pair(
        files: &Pair,
        identity: &Identity,
        ca: &CertificateFile,
        trust: Trust,
    ) -> Result<Self, CertsErrorKind> {
        let leaf = CertificateFile::read(files.certificate.clone())?;
        let key = read_key(&files.key)?;
        leaf.check_identity(identity)?;
        leaf.check_date()?;
        trust.verify(&leaf.der, identity.role).map_err(|error| refused(&leaf, ca, error))?;
        let not_after = leaf.not_after().min(ca.not_after());
        let key = trust.certified_key(leaf.der, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                let (key, certificate) = (files.key.clone(), leaf.path);
                CertsErrorKind::KeyMismatch { key, certificate }
            }
            _ => CertsErrorKind::NotPem { path: files.key.clone(), expected: "a private key" },
        })?;
        Ok(Self { not_after, key, trust })
    }

    /// When these credentials expire: with the certificate, or with the CA if that is sooner.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// The TLS of a relay's endpoint: requires a client certificate of this CA and offers both
    /// protocols. Follow it with [`peer_identity`] and [`authorize`].
    ///
    /// [`peer_identity`]: crate::peer_identity
    /// [`authorize`]: crate::authorize
    pub fn server_crypto(&self) -> Arc<QuicServerConfig> {
        self.trust.server(self.key.clone())
    }

    /// The TLS to dial a relay with, for one protocol. Connect with the server name
    /// [`RELAY_SERVER_NAME`](crate::RELAY_SERVER_NAME), whatever the address.
    pub fn client_crypto(&self, alpn: Alpn) -> Arc<QuicClientConfig> {
        self.trust.client(self.key.clone(), alpn)
    }
}

fn refused(leaf: &CertificateFile, ca: &CertificateFile, error: rustls::Error) -> CertsErrorKind {
    let certificate = leaf.path.clone();
    match error {
        // All CAs have the same subject name, so only the signature exposes another CA.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => CertsErrorKind::OtherCa { certificate, ca: ca.path.clone() },
        cause => CertsErrorKind::Refused { certificate, cause: Box::new(cause) },
    }
}
