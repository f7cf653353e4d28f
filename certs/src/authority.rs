//! The private CA: making it, and issuing with it.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData,
};
use trunkline_protocol::Name;

use crate::{
    certificate::{CertificateFile, check_in_date},
    defaults::{BACKDATING, CA_VALIDITY, LEAF_VALIDITY},
    error::CertsError,
    files::{Pair, PemPair, read_key},
    identity::{Identity, Role, ZONE},
    mend,
};

/// Makes a CA in `dir`: `ca.pem`, which every machine of the cluster gets a copy of, and `ca.key`
/// (mode 0600), which is needed to [`issue`] and for nothing else.
///
/// # Errors
/// [`CertsError::AlreadyThere`] if either file exists; neither is touched then.
/// [`CertsError::Unwritable`] if they cannot be written.
pub fn init(dir: &Path) -> Result<(), CertsError> {
    let files = Pair::of_ca(dir);
    let mend = mend::keep_ca(dir);
    for path in [&files.certificate, &files.key] {
        if path.exists() {
            return Err(CertsError::AlreadyThere { path: path.clone(), mend });
        }
    }
    files.create(&new_ca()?, &mend)
}

/// Issues the certificate of `role` and `name` from the CA in `dir`: `<role>/<name>.pem` and
/// `<role>/<name>.key` (mode 0600). Files of an earlier issue are replaced, each in one step.
///
/// # Errors
/// If `dir` holds no CA that is whole and in date, or the files cannot be written.
pub fn issue(dir: &Path, role: Role, name: &Name) -> Result<(), CertsError> {
    let identity = Identity { role, name: name.clone() };
    let leaf = new_leaf(&identity, &load_issuer(dir)?)?;
    Pair::of(dir, &identity).replace(&leaf)
}

fn load_issuer(dir: &Path) -> Result<Issuer<'static, KeyPair>, CertsError> {
    let files = Pair::of_ca(dir);
    let mend = mend::bring_ca(dir);
    let ca = CertificateFile::read(files.certificate, &mend, &mend)?;
    let key_mend = mend::find_ca_key();
    let key = load_ca_key(&files.key, &key_mend)?;
    let parsed = ca.parse(&mend)?;
    check_in_date(&parsed, &ca.path, &mend::move_to_new_ca())?;
    if key.subject_public_key_info() != parsed.public_key().raw {
        let (key, certificate) = (files.key, ca.path);
        return Err(CertsError::KeyMismatch { key, certificate, mend: key_mend });
    }
    Ok(Issuer::from_ca_cert_der(&ca.der, key)?)
}

fn load_ca_key(path: &Path, mend: &str) -> Result<KeyPair, CertsError> {
    let key = read_key(path, mend)?;
    KeyPair::try_from(&key).map_err(|_| CertsError::NotPem {
        path: path.to_owned(),
        what: "a private key",
        mend: mend.to_owned(),
    })
}

fn new_ca() -> Result<PemPair, rcgen::Error> {
    let mut params = params("Trunkline CA", CA_VALIDITY);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(ZONE.to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    Ok(PemPair { certificate, key: key.serialize_pem() })
}

fn new_leaf(identity: &Identity, ca: &Issuer<'_, KeyPair>) -> Result<PemPair, rcgen::Error> {
    let mut params = params(identity.name.as_str(), LEAF_VALIDITY);
    params.distinguished_name.push(DnType::OrganizationalUnitName, identity.role.as_str());
    for name in identity.dns_names() {
        params.subject_alt_names.push(rcgen::SanType::DnsName(name.try_into()?));
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage(identity.role)];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, ca)?.pem();
    Ok(PemPair { certificate, key: key.serialize_pem() })
}

/// Relays serve, everyone else dials.
fn usage(role: Role) -> ExtendedKeyUsagePurpose {
    match role {
        Role::Relay => ExtendedKeyUsagePurpose::ServerAuth,
        Role::Node | Role::Admin | Role::Viewer => ExtendedKeyUsagePurpose::ClientAuth,
    }
}

fn params(common_name: &str, validity: Duration) -> CertificateParams {
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.not_before = (now - BACKDATING).into();
    params.not_after = (now + validity).into();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Trunkline");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}
