//! One certificate file: read, parsed and held against the clock.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, parse_x509_certificate, time::ASN1Time};

use crate::{error::CertsError, files};

/// A certificate and the file that it was read from.
pub(crate) struct CertificateFile {
    pub(crate) path: PathBuf,
    pub(crate) der: CertificateDer<'static>,
}

impl CertificateFile {
    /// Reads the certificate at `path`; the mends are for a file that is missing and for one that
    /// holds no certificate.
    pub(crate) fn read(path: PathBuf, missing: &str, broken: &str) -> Result<Self, CertsError> {
        let der = files::read_certificate(&path, missing, broken)?;
        let file = Self { path, der };
        file.parse(broken)?;
        Ok(file)
    }

    /// The certificate's content.
    pub(crate) fn parse(&self, mend: &str) -> Result<X509Certificate<'_>, CertsError> {
        match parse_x509_certificate(&self.der) {
            Ok((_, certificate)) => Ok(certificate),
            Err(_) => Err(self.not_pem(mend)),
        }
    }

    /// The error for a file whose content is not a certificate.
    pub(crate) fn not_pem(&self, mend: &str) -> CertsError {
        CertsError::NotPem { path: self.path.clone(), what: "a certificate", mend: mend.to_owned() }
    }
}

/// When the certificate expires.
pub(crate) fn not_after(certificate: &X509Certificate<'_>) -> SystemTime {
    let seconds = certificate.validity().not_after.timestamp();
    UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0))
}

/// Checks that the certificate, which was read from `path`, is good by this machine's clock.
pub(crate) fn check_in_date(
    certificate: &X509Certificate<'_>,
    path: &Path,
    mend: &str,
) -> Result<(), CertsError> {
    let (now, validity) = (ASN1Time::now(), certificate.validity());
    let (path, mend) = (path.to_owned(), mend.to_owned());
    if now > validity.not_after {
        let date = day(validity.not_after);
        return Err(CertsError::Expired { certificate: path, date, mend });
    }
    if now < validity.not_before {
        let date = day(validity.not_before);
        return Err(CertsError::NotYetValid { certificate: path, date, mend });
    }
    Ok(())
}

fn day(time: ASN1Time) -> String {
    time.to_datetime().date().to_string()
}
