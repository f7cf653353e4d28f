//! The folder of certificates: where each file lies, and how it is read and replaced.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tempfile::NamedTempFile;
use trunkline_ops::{TextFileError, read_secret, read_text};

use crate::{
    defaults::{CERTIFICATE_MODE, KEY_MODE},
    error::CertsError,
    identity::Identity,
    pem,
};

/// A certificate and its private key, each in a file of its own.
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pair {
    /// The CA's pair: `ca.pem` and `ca.key`.
    pub(crate) fn of_ca(dir: &Path) -> Self {
        Self { certificate: dir.join("ca.pem"), key: dir.join("ca.key") }
    }

    /// The pair of a role and name: `<role>/<name>.pem` and `<role>/<name>.key`.
    pub(crate) fn of(dir: &Path, identity: &Identity) -> Self {
        let file = |extension| format!("{}.{extension}", identity.name);
        let dir = dir.join(identity.role.as_str());
        Self { certificate: dir.join(file("pem")), key: dir.join(file("key")) }
    }

    /// Writes both files, refusing if one of them is there.
    pub(crate) fn create(&self, pem: &PemPair, mend: &str) -> Result<(), CertsError> {
        let (certificate, key) = self.drafts(pem)?;
        create(key, &self.key, mend)?;
        create(certificate, &self.certificate, mend)
    }

    /// Writes both files in place of those that are there. A reader finds each of them old or new,
    /// never in part.
    pub(crate) fn replace(&self, pem: &PemPair) -> Result<(), CertsError> {
        let (certificate, key) = self.drafts(pem)?;
        replace(key, &self.key)?;
        replace(certificate, &self.certificate)
    }

    /// Both files, whole and on disk, under names of their own beside the ones they will take.
    fn drafts(&self, pem: &PemPair) -> Result<(NamedTempFile, NamedTempFile), CertsError> {
        let certificate = draft(&self.certificate, &pem.certificate, CERTIFICATE_MODE)?;
        let key = draft(&self.key, &pem.key, KEY_MODE)?;
        Ok((certificate, key))
    }
}

/// The text of a certificate and of its private key.
pub(crate) struct PemPair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Reads the certificate that a PEM file must hold; the mends are for a file that is missing and for
/// one that holds something else.
pub(crate) fn read_certificate(
    path: &Path,
    missing: &str,
    broken: &str,
) -> Result<CertificateDer<'static>, CertsError> {
    let text = read_text(path).map_err(|cause| unusable(path, cause, missing, broken))?;
    let certificate = CertificateDer::from_pem_slice(&text);
    certificate.map_err(|_| pem::complaint(path, &text, "a certificate", broken))
}

/// Reads the private key that a PEM file must hold, and warns if others than its owner can. The mend
/// is for a file that is missing or holds something else.
pub(crate) fn read_key(path: &Path, mend: &str) -> Result<PrivateKeyDer<'static>, CertsError> {
    let text = read_secret(path, "private key");
    let text = text.map_err(|cause| unusable(path, cause, mend, mend))?;
    if pem::is_encrypted(&text) {
        return Err(CertsError::Encrypted { path: path.to_owned(), mend: mend.to_owned() });
    }
    let key = PrivateKeyDer::from_pem_slice(&text);
    key.map_err(|_| pem::complaint(path, &text, "a private key", mend))
}

fn unusable(path: &Path, cause: TextFileError, missing: &str, broken: &str) -> CertsError {
    let path = path.to_owned();
    match cause {
        TextFileError::Missing => CertsError::Missing { path, mend: missing.to_owned() },
        TextFileError::Unreadable(cause) => CertsError::Unreadable { path, cause },
        cause => CertsError::Unusable { path, cause, mend: broken.to_owned() },
    }
}

fn draft(path: &Path, text: &str, mode: u32) -> Result<NamedTempFile, CertsError> {
    let unwritable = |cause| CertsError::Unwritable { path: path.to_owned(), cause };
    write_draft(path, text, mode).map_err(unwritable)
}

fn write_draft(path: &Path, text: &str, mode: u32) -> io::Result<NamedTempFile> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let mut draft =
        tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(dir)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

fn create(draft: NamedTempFile, path: &Path, mend: &str) -> Result<(), CertsError> {
    let path = path.to_owned();
    match draft.persist_noclobber(&path).map_err(|failure| failure.error) {
        Ok(_) => Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            Err(CertsError::AlreadyThere { path, mend: mend.to_owned() })
        }
        Err(cause) => Err(CertsError::Unwritable { path, cause }),
    }
}

fn replace(draft: NamedTempFile, path: &Path) -> Result<(), CertsError> {
    let unwritable = |cause| CertsError::Unwritable { path: path.to_owned(), cause };
    draft.persist(path).map(|_| ()).map_err(|failure| unwritable(failure.error))
}
