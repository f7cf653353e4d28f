//! What a process proves itself with: a certificate and its key, and the CA that it trusts.

use std::{path::Path, sync::Arc, time::SystemTime};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{CertificateError, pki_types::PrivateKeyDer, sign::CertifiedKey};
use trunkline_protocol::Name;

use crate::{
    certificate::{CertificateFile, check_in_date, not_after},
    error::CertsError,
    files::{Pair, read_key},
    identity::{Identity, Role},
    mend,
    tls::{Alpn, Trust},
};

/// A certificate of one role and name, its key, and the cluster's CA. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Credentials {
    identity: Identity,
    not_after: SystemTime,
    key: Arc<CertifiedKey>,
    trust: Trust,
}

impl Credentials {
    /// Reads `dir`'s `ca.pem`, `<role>/<name>.pem` and `<role>/<name>.key`, and checks all that a
    /// peer would, so that what is wrong is told here and not by a failed handshake.
    ///
    /// # Errors
    /// If a file is missing, cannot be read or is not PEM; if the certificate is of another CA,
    /// role or name, or out of date; if the key is not the certificate's.
    pub fn load(dir: &Path, role: Role, name: &Name) -> Result<Self, CertsError> {
        let identity = Identity { role, name: name.clone() };
        let (ca, ca_not_after) = load_ca(dir)?;
        let trust = Trust::in_ca(ca.der.clone()).map_err(|_| ca.not_pem(&mend::bring_ca(dir)))?;
        let leaf = Leaf::read(dir, &identity)?;
        let not_after = leaf.check(&identity)?.min(ca_not_after);
        leaf.verify(role, &trust, &ca)?;
        let key = leaf.pair(&trust)?;
        Ok(Self { identity, not_after, key, trust })
    }

    /// Who these credentials are of.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// When these credentials stop being accepted: the certificate's expiry, or the CA's if that
    /// is sooner.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// The TLS of a relay's endpoint: asks every client for a certificate of this CA and offers
    /// both protocols. Follow it with [`peer_identity`] and [`authorize`].
    ///
    /// [`peer_identity`]: crate::peer_identity
    /// [`authorize`]: crate::authorize
    pub fn server_crypto(&self) -> Arc<QuicServerConfig> {
        self.trust.server(self.key.clone())
    }

    /// The TLS to dial a relay with, for one protocol. Connect with the server name
    /// [`RELAY_SERVER_NAME`], whatever the address.
    ///
    /// [`RELAY_SERVER_NAME`]: crate::RELAY_SERVER_NAME
    pub fn client_crypto(&self, alpn: Alpn) -> Arc<QuicClientConfig> {
        self.trust.client(self.key.clone(), alpn)
    }
}

fn load_ca(dir: &Path) -> Result<(CertificateFile, SystemTime), CertsError> {
    let mend = mend::bring_ca(dir);
    let ca = CertificateFile::read(Pair::of_ca(dir).certificate, &mend, &mend)?;
    let parsed = ca.parse(&mend)?;
    check_in_date(&parsed, &ca.path, &mend::move_to_new_ca())?;
    let not_after = not_after(&parsed);
    Ok((ca, not_after))
}

/// A certificate and key as they were found, and what to do if they are wrong.
struct Leaf {
    certificate: CertificateFile,
    key: PrivateKeyDer<'static>,
    files: Pair,
    mend: String,
}

impl Leaf {
    fn read(dir: &Path, identity: &Identity) -> Result<Self, CertsError> {
        let files = Pair::of(dir, identity);
        let (missing, mend) = (mend::issue(dir, identity), mend::issue_again(dir, identity));
        let certificate = CertificateFile::read(files.certificate.clone(), &missing, &mend)?;
        let key = read_key(&files.key, &mend)?;
        Ok(Self { certificate, key, files, mend })
    }

    /// Checks who the certificate is of and that it is in date; returns when it expires.
    fn check(&self, wanted: &Identity) -> Result<SystemTime, CertsError> {
        let parsed = self.certificate.parse(&self.mend)?;
        let (certificate, mend) = (self.files.certificate.clone(), self.mend.clone());
        match Identity::of(&parsed) {
            Ok(found) if found == *wanted => {}
            Ok(found) => {
                let wanted = wanted.clone();
                return Err(CertsError::OtherIdentity { certificate, found, wanted, mend });
            }
            Err(cause) => return Err(CertsError::BadIdentity { certificate, cause, mend }),
        }
        check_in_date(&parsed, &certificate, &mend)?;
        Ok(not_after(&parsed))
    }

    /// Checks that a peer that trusts `ca` would take the certificate.
    fn verify(&self, role: Role, trust: &Trust, ca: &CertificateFile) -> Result<(), CertsError> {
        let (certificate, mend) = (self.files.certificate.clone(), self.mend.clone());
        trust.verify(&self.certificate.der, role).map_err(|error| match error {
            // CAs have one subject name, so a foreign one shows in the signature.
            rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => CertsError::OtherCa { certificate, ca: ca.path.clone(), mend },
            cause => CertsError::Unfit { certificate, cause: Box::new(cause), mend },
        })
    }

    fn pair(self, trust: &Trust) -> Result<Arc<CertifiedKey>, CertsError> {
        let Pair { certificate, key } = self.files;
        let mend = self.mend;
        trust.pair(self.certificate.der, self.key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                CertsError::KeyMismatch { key, certificate, mend }
            }
            _ => CertsError::NotPem { path: key, what: "a private key", mend },
        })
    }
}
