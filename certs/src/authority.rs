//! The private CA: `init` makes it, `issue` signs with it.

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
    certificate::load_ca,
    defaults::{BACKDATING, CA_VALIDITY, LEAF_VALIDITY},
    error::{CertsError, CertsErrorKind},
    files::{Pair, PemPair, read_key},
    identity::{Identity, Role, ZONE},
    remedy,
};

/// Makes a CA in `dir`: `ca.pem`, which every machine of the cluster needs, and `ca.key` (mode 0600),
/// which only [`issue`] needs.
///
/// # Errors
/// If either file exists already, or cannot be written. An existing file is not changed.
pub fn init(dir: &Path) -> Result<(), CertsError> {
    let files = Pair::of_ca(dir);
    let with_remedy = |error: CertsErrorKind| error.with_remedy(remedy::keep_ca(dir));
    for path in [&files.certificate, &files.key] {
        if path.exists() {
            return Err(with_remedy(CertsErrorKind::AlreadyThere { path: path.clone() }));
        }
    }
    files.create(&new_ca()?).map_err(with_remedy)
}

/// Issues the certificate of `role` and `name` from the CA in `dir`: `<role>/<name>.pem` and
/// `<role>/<name>.key` (mode 0600). Replaces each file of an earlier issue atomically.
///
/// # Errors
/// If `dir` has no usable CA that is in date, or the files cannot be written.
pub fn issue(dir: &Path, role: Role, name: &Name) -> Result<(), CertsError> {
    issue_for(dir, role, name, LEAF_VALIDITY)
}

/// As [`issue`], for a certificate that is valid for this long.
///
/// # Errors
/// As [`issue`].
pub fn issue_for(
    dir: &Path,
    role: Role,
    name: &Name,
    validity: Duration,
) -> Result<(), CertsError> {
    let identity = Identity { role, name: name.clone() };
    let leaf = new_leaf(&identity, validity, &load_issuer(dir)?)?;
    let written = Pair::of(dir, &identity).replace(&leaf);
    written.map_err(|error| error.with_remedy(remedy::issue_again(dir, &identity)))
}

fn load_issuer(dir: &Path) -> Result<Issuer<'static, KeyPair>, CertsError> {
    let ca = load_ca(dir)?;
    let key = load_ca_key(Pair::of_ca(dir), &ca.public_key)
        .map_err(|error| error.with_remedy(remedy::FIND_CA_KEY.to_owned()))?;
    Ok(Issuer::from_ca_cert_der(&ca.der, key)?)
}

fn load_ca_key(ca: Pair, public_key: &[u8]) -> Result<KeyPair, CertsErrorKind> {
    let Pair { key: path, certificate } = ca;
    let key = read_key(&path)?;
    match KeyPair::try_from(&key) {
        Ok(key) if key.subject_public_key_info() == public_key => Ok(key),
        Ok(_) => Err(CertsErrorKind::KeyMismatch { key: path, certificate }),
        Err(_) => Err(CertsErrorKind::NotPem { path, expected: "a private key" }),
    }
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

fn new_leaf(
    identity: &Identity,
    validity: Duration,
    ca: &Issuer<'_, KeyPair>,
) -> Result<PemPair, rcgen::Error> {
    let mut params = params(identity.name.as_str(), validity);
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

/// Relays are servers, all other roles are clients.
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
