use std::{fmt, io, path::PathBuf};

use thiserror::Error;
use trunkline_ops::TextFileError;

use crate::{
    identity::{BadIdentity, Identity},
    remedy,
};

/// Why [`init`](crate::init), [`issue`](crate::issue) or
/// [`Credentials::load`](crate::Credentials::load) failed. The message is one line that ends with
/// the remedy.
#[derive(Debug)]
pub struct CertsError {
    /// What is wrong.
    pub kind: CertsErrorKind,
    remedy: String,
}

/// What is wrong with the files of a certificate.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the fields are those that the message names")]
pub enum CertsErrorKind {
    /// The file does not exist.
    #[error("{} is missing", path.display())]
    Missing { path: PathBuf },
    /// The file exists and cannot be read.
    #[error("{} cannot be read ({cause})", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    /// The file is not usable text.
    #[error("{} {cause}", path.display())]
    Unusable { path: PathBuf, cause: TextFileError },
    /// The private key is encrypted, and a service cannot ask for a passphrase.
    #[error("{} is an encrypted private key", path.display())]
    Encrypted { path: PathBuf },
    /// The file contains a PEM item of another kind.
    #[error("{} holds {found}, not {expected} in PEM form", path.display())]
    OtherPem { path: PathBuf, found: String, expected: &'static str },
    /// The file contains no PEM item that can be parsed.
    #[error("{} is not {expected} in PEM form", path.display())]
    NotPem { path: PathBuf, expected: &'static str },
    /// The private key belongs to another certificate.
    #[error("{} is not the key of {}", key.display(), certificate.display())]
    KeyMismatch { key: PathBuf, certificate: PathBuf },
    /// The certificate was issued by another CA than the one in the folder.
    #[error("{} is not signed by {}", certificate.display(), ca.display())]
    OtherCa { certificate: PathBuf, ca: PathBuf },
    /// The certificate does not name exactly one holder.
    #[error("{} cannot be used ({cause})", certificate.display())]
    BadIdentity { certificate: PathBuf, cause: BadIdentity },
    /// The certificate was issued to another holder.
    #[error("{} was issued to {found}, not to {expected}", certificate.display())]
    OtherIdentity { certificate: PathBuf, found: Identity, expected: Identity },
    /// The certificate has expired.
    #[error("{} expired on {date}", certificate.display())]
    Expired { certificate: PathBuf, date: String },
    /// The validity of the certificate begins in the future.
    #[error("{} is not valid before {date}", certificate.display())]
    NotYetValid { certificate: PathBuf, date: String },
    /// A peer would refuse the certificate for another reason.
    #[error("{} would be refused by a peer ({cause})", certificate.display())]
    Refused { certificate: PathBuf, cause: Box<rustls::Error> },
    /// A line of the list of denied certificates is malformed.
    #[error("{} has the line {line:?}", path.display())]
    BadDeniedLine { path: PathBuf, line: String },
    /// A CA would be overwritten.
    #[error("{} is already there", path.display())]
    AlreadyThere { path: PathBuf },
    /// A file or folder cannot be written.
    #[error("{} cannot be written ({cause})", path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    /// The CA in the folder cannot sign.
    #[error("no certificate could be made ({0})")]
    Unsigned(rcgen::Error),
}

impl CertsErrorKind {
    /// Adds what to do about it. Where the kind alone decides that, `remedy` is not used.
    pub(crate) fn with_remedy(self, remedy: String) -> CertsError {
        let remedy = match &self {
            Self::Unreadable { .. } => remedy::CHECK_ACCESS.to_owned(),
            Self::Unwritable { .. } => remedy::CHECK_FOLDER.to_owned(),
            Self::Unsigned(_) => remedy::CHECK_CA.to_owned(),
            Self::Encrypted { path } => format!("{}, or {remedy}", remedy::decrypt(path)),
            Self::NotYetValid { .. } => format!("set this machine's clock, or {remedy}"),
            _ => remedy,
        };
        CertsError { kind: self, remedy }
    }
}

impl From<rcgen::Error> for CertsError {
    fn from(error: rcgen::Error) -> Self {
        CertsErrorKind::Unsigned(error).with_remedy(String::new())
    }
}

impl fmt::Display for CertsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.remedy)
    }
}

impl std::error::Error for CertsError {}
