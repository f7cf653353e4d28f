//! What can be wrong with the certificates of a folder. Every text is one line that ends in the
//! mend.

use std::{io, path::PathBuf};

use thiserror::Error;
use trunkline_ops::TextFileError;

use crate::identity::{BadIdentity, Identity};

/// Why [`init`], [`issue`] or [`Credentials::load`] failed.
///
/// All but [`Unwritable`] and [`Unsigned`] mean that the folder or the arguments are not usable
/// as they are.
///
/// [`init`]: crate::init
/// [`issue`]: crate::issue
/// [`Credentials::load`]: crate::Credentials::load
/// [`Unwritable`]: CertsError::Unwritable
/// [`Unsigned`]: CertsError::Unsigned
#[derive(Debug, Error)]
#[allow(
    missing_docs,
    reason = "each variant is documented, and its fields are what its text names"
)]
pub enum CertsError {
    /// There is no such file.
    #[error("{} is missing: {mend}", path.display())]
    Missing { path: PathBuf, mend: String },
    /// The file is there and cannot be read.
    #[error("{} cannot be read ({cause}): check its owner and mode", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    /// There is nothing to be had from the file.
    #[error("{} {cause}: {mend}", path.display())]
    Unusable { path: PathBuf, cause: TextFileError, mend: String },
    /// The private key is encrypted, and nobody is there to type a passphrase.
    #[error("{} is an encrypted private key: decrypt it with `openssl pkey -in {} -out NEW`, or {mend}", path.display(), path.display())]
    Encrypted { path: PathBuf, mend: String },
    /// The file holds something else, which has a name.
    #[error("{} holds {found}, not {what} in PEM form: {mend}", path.display())]
    Other { path: PathBuf, found: String, what: &'static str, mend: String },
    /// The file holds something else.
    #[error("{} is not {what} in PEM form: {mend}", path.display())]
    NotPem { path: PathBuf, what: &'static str, mend: String },
    /// The private key belongs to another certificate.
    #[error("{} is not the key of {}: {mend}", key.display(), certificate.display())]
    KeyMismatch { key: PathBuf, certificate: PathBuf, mend: String },
    /// The certificate was issued by another CA than the one beside it.
    #[error("{} is not signed by {}: {mend}", certificate.display(), ca.display())]
    OtherCa { certificate: PathBuf, ca: PathBuf, mend: String },
    /// The certificate does not say who its holder is.
    #[error("{} is of no use ({cause}): {mend}", certificate.display())]
    BadIdentity { certificate: PathBuf, cause: BadIdentity, mend: String },
    /// The certificate was issued to someone else.
    #[error("{} was issued to {found}, not to {wanted}: {mend}", certificate.display())]
    OtherIdentity { certificate: PathBuf, found: Identity, wanted: Identity, mend: String },
    /// The certificate's time is over.
    #[error("{} expired on {date}: {mend}", certificate.display())]
    Expired { certificate: PathBuf, date: String, mend: String },
    /// The certificate's time has not come.
    #[error("{} is not valid before {date}: set this machine's clock, or {mend}", certificate.display())]
    NotYetValid { certificate: PathBuf, date: String, mend: String },
    /// A peer would refuse the certificate for a reason of its own.
    #[error("{} would be refused by a peer ({cause}): {mend}", certificate.display())]
    Unfit { certificate: PathBuf, cause: Box<rustls::Error>, mend: String },
    /// A CA would have been overwritten.
    #[error("{} is already there: {mend}", path.display())]
    AlreadyThere { path: PathBuf, mend: String },
    /// A file or folder could not be written.
    #[error("{} cannot be written ({cause}): check the folder's owner, mode and free space", path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    /// A key or certificate could not be made from a CA that looks whole.
    #[error(
        "no certificate could be made ({0}): check the CA, it is not one of `trunkline-certs init`"
    )]
    Unsigned(#[from] rcgen::Error),
}
