//! A CA in a temporary folder, which can sign certificates that `issue` would not.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use tempfile::TempDir;
use trunkline_certs::{CertsError, Credentials, Role, init, issue};

pub(crate) struct CertsFolder(TempDir);

impl CertsFolder {
    /// A folder with a new CA and nothing else.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path()).unwrap();
        Self(dir)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir().join(file)
    }

    pub(crate) fn issue(&self, role: Role, name: &str) -> &Self {
        issue(self.dir(), role, &name.parse().unwrap()).unwrap();
        self
    }

    pub(crate) fn load(&self, role: Role, name: &str) -> Result<Credentials, CertsError> {
        Credentials::load(self.dir(), role, &name.parse().unwrap())
    }

    /// Issues and loads.
    pub(crate) fn credentials(&self, role: Role, name: &str) -> Credentials {
        self.issue(role, name).load(role, name).unwrap()
    }

    /// The error message of loading, with `certs` as the folder's name.
    pub(crate) fn load_error(&self, role: Role, name: &str) -> String {
        self.text(&self.load(role, name).unwrap_err())
    }

    /// An error message, with `certs` as the folder's name.
    pub(crate) fn text(&self, error: &CertsError) -> String {
        error.to_string().replace(self.dir().to_str().unwrap(), "certs")
    }

    /// Signs a certificate that `issue` would not, and stores it under `role` and `name`. It is valid
    /// for an hour and for both ends of a connection, unless `modify` changes that.
    pub(crate) fn forge(
        &self,
        role: Role,
        name: &str,
        san: &[&str],
        modify: impl FnOnce(&mut CertificateParams),
    ) -> &Self {
        let mut params = CertificateParams::default();
        params.not_before = (SystemTime::now() - HOUR).into();
        params.not_after = (SystemTime::now() + HOUR).into();
        let dns = |name: &&str| SanType::DnsName((*name).try_into().unwrap());
        params.subject_alt_names = san.iter().map(dns).collect();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        modify(&mut params);

        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer()).unwrap();
        self.write(&format!("{role}/{name}.pem"), &certificate.pem());
        self.write(&format!("{role}/{name}.key"), &key.serialize_pem());
        self
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn issuer(&self) -> Issuer<'static, KeyPair> {
        let key = KeyPair::from_pem(&self.read("ca.key")).unwrap();
        Issuer::from_ca_cert_pem(&self.read("ca.pem"), key).unwrap()
    }
}

pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
