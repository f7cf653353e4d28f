//! One certificate file, read and parsed.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::Validity, parse_x509_certificate, time::ASN1Time};

use crate::{
    error::{CertsError, CertsErrorKind},
    files::{Pair, read_certificate},
    identity::{BadIdentity, Identity},
    remedy,
};

/// A certificate and the file that it was read from.
pub(crate) struct CertificateFile {
    pub(crate) path: PathBuf,
    pub(crate) der: CertificateDer<'static>,
    /// Its public key, as DER.
    pub(crate) public_key: Vec<u8>,
    /// Its serial number, in hexadecimal.
    pub(crate) serial: String,
    identity: Result<Identity, BadIdentity>,
    validity: Validity,
}

/// Loads the CA in `dir`, which must be in date.
pub(crate) fn load_ca(dir: &Path) -> Result<CertificateFile, CertsError> {
    let ca = CertificateFile::read(Pair::of_ca(dir).certificate)
        .map_err(|error| error.with_remedy(remedy::bring_ca(dir)))?;
    ca.check_date().map_err(|error| error.with_remedy(remedy::MOVE_TO_NEW_CA.to_owned()))?;
    Ok(ca)
}

impl CertificateFile {
    pub(crate) fn read(path: PathBuf) -> Result<Self, CertsErrorKind> {
        let der = read_certificate(&path)?;
        let Ok((_, parsed)) = parse_x509_certificate(&der) else { return Err(not_pem(path)) };
        let identity = Identity::of(&parsed);
        let public_key = parsed.public_key().raw.to_vec();
        let validity = parsed.validity().clone();
        let serial = parsed.serial.to_str_radix(16);
        Ok(Self { path, der, public_key, serial, identity, validity })
    }

    /// The error for content that is not a certificate after all.
    pub(crate) fn not_pem(&self) -> CertsErrorKind {
        not_pem(self.path.clone())
    }

    /// When the certificate expires.
    pub(crate) fn not_after(&self) -> SystemTime {
        let seconds = self.validity.not_after.timestamp();
        UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0))
    }

    /// Checks the validity against this machine's clock.
    pub(crate) fn check_date(&self) -> Result<(), CertsErrorKind> {
        let (now, certificate) = (ASN1Time::now(), self.path.clone());
        let Validity { not_before, not_after } = self.validity;
        if now > not_after {
            return Err(CertsErrorKind::Expired { certificate, date: day(not_after) });
        }
        if now < not_before {
            return Err(CertsErrorKind::NotYetValid { certificate, date: day(not_before) });
        }
        Ok(())
    }

    /// Checks that the certificate was issued to `expected`.
    pub(crate) fn check_identity(&self, expected: &Identity) -> Result<(), CertsErrorKind> {
        let certificate = self.path.clone();
        match &self.identity {
            Ok(found) if found == expected => Ok(()),
            Ok(found) => {
                let (found, expected) = (found.clone(), expected.clone());
                Err(CertsErrorKind::OtherIdentity { certificate, found, expected })
            }
            Err(cause) => Err(CertsErrorKind::BadIdentity { certificate, cause: *cause }),
        }
    }
}

fn not_pem(path: PathBuf) -> CertsErrorKind {
    CertsErrorKind::NotPem { path, expected: "a certificate" }
}

fn day(time: ASN1Time) -> String {
    time.to_datetime().date().to_string()
}
