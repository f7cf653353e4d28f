use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    CertificateError, SignatureScheme,
    client::ResolvesClientCert,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tracing::{info, warn};
use trunkline_protocol::Name;

use crate::{
    certificate::{CertificateFile, load_ca},
    defaults::{DAY, EXPIRY_WARNING},
    error::{CertsError, CertsErrorKind},
    files::{Pair, read_key},
    identity::{Identity, Role},
    remedy,
    tls::{Alpn, Trust},
};

/// What a process authenticates with: a certificate of one role and name, its key, and the cluster's
/// CA. Cheap to clone; all clones are [reloaded](Self::reload) together.
#[derive(Clone, Debug)]
pub struct Credentials {
    dir: PathBuf,
    identity: Identity,
    trust: Trust,
    current: Arc<CurrentKey>,
}

/// A certificate with its key, and when it expires.
#[derive(Clone, Debug)]
struct ValidKey {
    key: Arc<CertifiedKey>,
    not_after: SystemTime,
}

/// What handshakes use from now on.
#[derive(Debug)]
pub(crate) struct CurrentKey(RwLock<ValidKey>);

impl CurrentKey {
    fn get(&self) -> ValidKey {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for CurrentKey {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get().key)
    }
}

impl ResolvesClientCert for CurrentKey {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.get().key)
    }

    fn has_certs(&self) -> bool {
        true
    }
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
        let key = load_key(dir, &identity, &ca, &trust)?;
        let current = Arc::new(CurrentKey(RwLock::new(key)));
        Ok(Self { dir: dir.to_owned(), identity, trust, current })
    }

    /// Reads the certificate and its key again. Handshakes from now on use them; connections stay. The
    /// CA is not read again: a cluster moves to a new one by a restart.
    ///
    /// # Errors
    /// As [`Self::load`]. What was loaded before stays in use.
    pub fn reload(&self) -> Result<(), CertsError> {
        let key = load_key(&self.dir, &self.identity, &load_ca(&self.dir)?, &self.trust)?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }

    /// As [`Self::reload`], and logs the result.
    pub fn reload_and_tell(&self) {
        let identity = &self.identity;
        match self.reload() {
            Ok(()) => info!(%identity, "the certificate has changed and is in use"),
            Err(error) => {
                warn!(%error, "the certificate has changed and cannot be used: the last one stays");
            }
        }
    }

    /// Whose they are.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The files of the certificate and its key, to be watched.
    pub fn paths(&self) -> Vec<PathBuf> {
        let files = Pair::of(&self.dir, &self.identity);
        vec![files.certificate, files.key]
    }

    /// When these credentials expire: with the certificate, or with the CA if that is sooner.
    pub fn not_after(&self) -> SystemTime {
        self.current.get().not_after
    }

    /// How many days are left, if these credentials expire [soon](EXPIRY_WARNING). Logs a warning then.
    pub fn expires_soon(&self) -> Option<u64> {
        let left = self.not_after().duration_since(SystemTime::now()).unwrap_or_default();
        let days = left.as_secs() / DAY.as_secs();
        (left < EXPIRY_WARNING).then(|| {
            warn!(identity = %self.identity, days, "the certificate expires soon: issue a new one");
            days
        })
    }

    /// The TLS of a relay's endpoint: requires a client certificate of this CA and offers both
    /// protocols. Follow it with [`peer_identity`] and [`authorize`].
    ///
    /// [`peer_identity`]: crate::peer_identity
    /// [`authorize`]: crate::authorize
    pub fn server_crypto(&self) -> Arc<QuicServerConfig> {
        self.trust.server(self.current.clone())
    }

    /// The TLS to dial a relay with, for one protocol. Connect with the server name
    /// [`RELAY_SERVER_NAME`](crate::RELAY_SERVER_NAME), whatever the address.
    pub fn client_crypto(&self, alpn: Alpn) -> Arc<QuicClientConfig> {
        self.trust.client(self.current.clone(), alpn)
    }
}

fn load_key(
    dir: &Path,
    identity: &Identity,
    ca: &CertificateFile,
    trust: &Trust,
) -> Result<ValidKey, CertsError> {
    let files = Pair::of(dir, identity);
    load_pair(&files, identity, ca, trust).map_err(|error| {
        let never_issued = matches!(
            &error, CertsErrorKind::Missing { path } if *path == files.certificate
        );
        error.with_remedy(match never_issued {
            true => remedy::issue(dir, identity),
            false => remedy::issue_again(dir, identity),
        })
    })
}

fn load_pair(
    files: &Pair,
    identity: &Identity,
    ca: &CertificateFile,
    trust: &Trust,
) -> Result<ValidKey, CertsErrorKind> {
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
    Ok(ValidKey { key, not_after })
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
