//! The certificate that clients see, and the TLS settings.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use thiserror::Error;
use tokio_rustls::rustls::{
    self, ServerConfig,
    crypto::ring::{Ticketer, default_provider},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tracing::{info, warn};
use trunkline_ops::{read_secret, read_text};

/// The only protocol inside of TLS: WebSocket's handshake is HTTP/1.1.
const ALPN: &[u8] = b"http/1.1";

/// The files of `--tls-cert` and `--tls-key`.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    /// The certificate, and those between it and its authority, in PEM form.
    pub(crate) certificate: PathBuf,
    /// Its private key, in PEM form.
    pub(crate) key: PathBuf,
}

/// A certificate or key for clients cannot be used.
#[derive(Debug, Error)]
#[error("{flag}: {file} {reason}; give {expected}", file = file.display())]
pub struct TlsFilesError {
    flag: &'static str,
    file: PathBuf,
    reason: String,
    expected: &'static str,
}

/// TLS for clients.
#[derive(Debug)]
pub(crate) struct ServerTls {
    files: TlsFiles,
    current: Arc<CurrentKey>,
    pub(crate) config: Arc<ServerConfig>,
}

/// The certificate and key that handshakes use from now on.
#[derive(Debug)]
struct CurrentKey(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for CurrentKey {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl ServerTls {
    /// Reads the certificate and its key.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsFilesError> {
        let current = Arc::new(CurrentKey(RwLock::new(Arc::new(files.read()?))));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.ticketer = Ticketer::new().expect("the system has random numbers");
        config.send_tls13_tickets = 1;
        Ok(Self { files, current, config: Arc::new(config) })
    }

    /// The files, to be watched.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        vec![self.files.certificate.clone(), self.files.key.clone()]
    }

    /// Reads the files again, for handshakes from now on. A pair that cannot be used leaves the last one
    /// in use.
    pub(crate) fn reload_and_tell(&self) {
        match self.files.read() {
            Ok(key) => {
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                info!("the certificate for clients has changed and is in use");
            }
            Err(error) => {
                warn!(%error, "the certificate for clients has changed and cannot be used: the last one stays");
            }
        }
    }
}

impl TlsFiles {
    fn read(&self) -> Result<CertifiedKey, TlsFilesError> {
        let chain = read_text(&self.certificate).map_err(|error| error.to_string());
        let chain = chain.and_then(|pem| chain_of(&pem));
        let chain = chain.map_err(|reason| TlsFilesError {
            flag: "--tls-cert",
            file: self.certificate.clone(),
            reason,
            expected: "a PEM file with the certificate, and those between it and its authority behind it",
        })?;
        let key = read_secret(&self.key, "private key").map_err(|error| error.to_string());
        let key = key.and_then(|pem| {
            PrivateKeyDer::from_pem_slice(&pem)
                .map_err(|_| "holds no private key in PEM form".to_owned())
        });
        let key = key.map_err(|reason| self.unusable_key(reason))?;
        CertifiedKey::from_der(chain, key, &default_provider()).map_err(|error| {
            self.unusable_key(match error {
                rustls::Error::InconsistentKeys(_) => {
                    format!("is not the key of {}", self.certificate.display())
                }
                error => format!("cannot be used: {error}"),
            })
        })
    }

    fn unusable_key(&self, reason: String) -> TlsFilesError {
        let expected = "the PEM file with the certificate's private key, not encrypted";
        TlsFilesError { flag: "--tls-key", file: self.key.clone(), reason, expected }
    }
}

fn chain_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err("holds no certificate in PEM form".to_owned()),
    }
}
