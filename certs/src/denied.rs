//! Certificates that are valid and must not be accepted: `denied.txt` beside the CA.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use quinn::Connection;
use trunkline_ops::{TextFileError, read_text};
use trunkline_protocol::Name;

use crate::{
    certificate::CertificateFile,
    error::{CertsError, CertsErrorKind},
    files::{Pair, replace_text, unusable},
    identity::{Identity, Role},
    peer::{PeerError, peer_leaf},
    remedy,
};

/// What `denied.txt` begins with.
const HEAD: &str = "# Certificates that relays do not accept: role/name/serial, one a line.\n";

/// Certificates that relays do not accept. Each is a line `role/name/serial` in the file, the serial in
/// hexadecimal; empty lines and those that begin with `#` do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeniedCertificates(BTreeSet<String>);

impl DeniedCertificates {
    /// The file in a folder of certificates.
    pub fn path(dir: &Path) -> PathBuf {
        dir.join("denied.txt")
    }

    /// Reads the file in `dir`. Without one, nothing is denied.
    ///
    /// # Errors
    /// If the file cannot be read, or a line is not of that form.
    pub fn load(dir: &Path) -> Result<Self, CertsError> {
        let path = Self::path(dir);
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(TextFileError::Missing | TextFileError::Empty) => return Ok(Self::default()),
            Err(cause) => {
                return Err(unusable(&path, cause).with_remedy(remedy::DENIED_FORM.to_owned()));
            }
        };
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(str::trim).filter(|line| is_entry(line));
        let bad = lines.clone().find(|line| !is_well_formed(line)).map(str::to_owned);
        match bad {
            Some(line) => {
                let kind = CertsErrorKind::BadDeniedLine { path, line };
                Err(kind.with_remedy(remedy::DENIED_FORM.to_owned()))
            }
            None => Ok(Self(lines.map(str::to_owned).collect())),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Checks that the peer's certificate, which [`peer_identity`](crate::peer_identity) has read, is not
    /// denied.
    ///
    /// # Errors
    /// [`PeerError::Revoked`] if it is.
    pub fn check(&self, connection: &Connection) -> Result<(), PeerError> {
        // Almost always nothing is denied, and nothing has to be parsed.
        if self.0.is_empty() {
            return Ok(());
        }
        let (identity, serial) = peer_leaf(connection)?;
        let denied = self.0.contains(&entry(&identity, &serial));
        if denied { Err(PeerError::Revoked) } else { Ok(()) }
    }
}

/// Denies the certificate of `role` and `name` in `dir`: adds it to `denied.txt` there, which every relay
/// needs, and reads again when it changes. Doing so twice changes nothing.
///
/// # Errors
/// If there is no such certificate, or `denied.txt` cannot be read or written.
pub fn revoke(dir: &Path, role: Role, name: &Name) -> Result<(), CertsError> {
    let identity = Identity { role, name: name.clone() };
    let leaf = CertificateFile::read(Pair::of(dir, &identity).certificate)
        .map_err(|error| error.with_remedy(remedy::FIND_CERTIFICATE.to_owned()))?;
    let mut denied = DeniedCertificates::load(dir)?;
    denied.0.insert(entry(&identity, &leaf.serial));
    let lines: String = denied.0.iter().map(|line| format!("{line}\n")).collect();
    replace_text(&DeniedCertificates::path(dir), &format!("{HEAD}{lines}"))
        .map_err(|error| error.with_remedy(String::new()))
}

fn entry(identity: &Identity, serial: &str) -> String {
    format!("{identity}/{serial}")
}

fn is_entry(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

fn is_well_formed(line: &str) -> bool {
    let mut parts = line.split('/');
    let role = parts.next().is_some_and(|role| role.parse::<Role>().is_ok());
    let name = parts.next().is_some_and(|name| name.parse::<Name>().is_ok());
    let serial = parts.next().is_some_and(|serial| {
        !serial.is_empty() && serial.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    role && name && serial && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{init, issue};

    #[test]
    fn revoked_certificate_is_listed_once_and_its_successor_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let name: Name = "node-1".parse().unwrap();
        init(dir).unwrap();
        issue(dir, Role::Node, &name).unwrap();
        assert_eq!(DeniedCertificates::load(dir).unwrap().count(), 0);
        for _ in 0..2 {
            revoke(dir, Role::Node, &name).unwrap();
            assert_eq!(DeniedCertificates::load(dir).unwrap().count(), 1);
        }
        let before = fs::read_to_string(DeniedCertificates::path(dir)).unwrap();
        assert!(before.lines().nth(1).unwrap().starts_with("node/node-1/"), "{before}");
        issue(dir, Role::Node, &name).unwrap();
        revoke(dir, Role::Node, &name).unwrap();
        assert_eq!(DeniedCertificates::load(dir).unwrap().count(), 2);
    }

    #[test]
    fn certificate_that_is_not_there_cannot_be_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let error = revoke(folder.path(), Role::Admin, &"olga".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("admin/olga.pem is missing"), "{error}");
    }

    #[test]
    fn malformed_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = DeniedCertificates::path(folder.path());
        fs::write(&path, "# a comment\n\nadmin/olga/0a1b\n").unwrap();
        assert_eq!(DeniedCertificates::load(folder.path()).unwrap().count(), 1);
        for line in ["olga", "admin/olga", "admin/olga/XY", "king/olga/0a", "admin/olga/0a/1"] {
            fs::write(&path, format!("{line}\n")).unwrap();
            let error = DeniedCertificates::load(folder.path()).unwrap_err().to_string();
            assert!(error.contains("denied.txt") && error.contains(line), "{error}");
        }
    }
}
