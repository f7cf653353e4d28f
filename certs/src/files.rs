//! The folder of certificates: its paths, and how files are read and replaced.

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
    error::CertsErrorKind,
    identity::Identity,
    pem,
};

/// The paths of a certificate and its private key.
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

    /// Writes both files; an existing file is an error.
    pub(crate) fn create(&self, pem: &PemPair) -> Result<(), CertsErrorKind> {
        let (certificate, key) = self.drafts(pem)?;
        create(key, &self.key)?;
        create(certificate, &self.certificate)
    }

    /// Writes both files, and replaces existing ones. A reader sees the old or the new file, never a
    /// part.
    pub(crate) fn replace(&self, pem: &PemPair) -> Result<(), CertsErrorKind> {
        let (certificate, key) = self.drafts(pem)?;
        replace(key, &self.key)?;
        replace(certificate, &self.certificate)
    }

    /// Temporary files in the target folder, complete and synced: renaming one is atomic.
    fn drafts(&self, pem: &PemPair) -> Result<(NamedTempFile, NamedTempFile), CertsErrorKind> {
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

/// Reads the certificate in a PEM file.
pub(crate) fn read_certificate(path: &Path) -> Result<CertificateDer<'static>, CertsErrorKind> {
    let text = read_text(path).map_err(|cause| unusable(path, cause))?;
    CertificateDer::from_pem_slice(&text)
        .map_err(|_| pem::other_content(path, &text, "a certificate"))
}

/// Reads the private key in a PEM file, and warns if users other than its owner can read it.
pub(crate) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertsErrorKind> {
    let text = read_secret(path, "private key").map_err(|cause| unusable(path, cause))?;
    if pem::is_encrypted(&text) {
        return Err(CertsErrorKind::Encrypted { path: path.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| pem::other_content(path, &text, "a private key"))
}

pub(crate) fn unusable(path: &Path, cause: TextFileError) -> CertsErrorKind {
    let path = path.to_owned();
    match cause {
        TextFileError::Missing => CertsErrorKind::Missing { path },
        TextFileError::Unreadable(cause) => CertsErrorKind::Unreadable { path, cause },
        cause => CertsErrorKind::Unusable { path, cause },
    }
}

/// Writes a file that everyone may read, and replaces an existing one.
pub(crate) fn replace_text(path: &Path, text: &str) -> Result<(), CertsErrorKind> {
    replace(draft(path, text, CERTIFICATE_MODE)?, path)
}

fn draft(path: &Path, text: &str, mode: u32) -> Result<NamedTempFile, CertsErrorKind> {
    write_draft(path, text, mode).map_err(|cause| unwritable(path, cause))
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

fn create(draft: NamedTempFile, path: &Path) -> Result<(), CertsErrorKind> {
    let created = draft.persist_noclobber(path).map(|_| ());
    created.map_err(|failure| match failure.error.kind() {
        io::ErrorKind::AlreadyExists => CertsErrorKind::AlreadyThere { path: path.to_owned() },
        _ => unwritable(path, failure.error),
    })
}

fn replace(draft: NamedTempFile, path: &Path) -> Result<(), CertsErrorKind> {
    draft.persist(path).map(|_| ()).map_err(|failure| unwritable(path, failure.error))
}

fn unwritable(path: &Path, cause: io::Error) -> CertsErrorKind {
    CertsErrorKind::Unwritable { path: path.to_owned(), cause }
}
