//! The files that `init` and `issue` write.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::SystemTime,
};

use rcgen::KeyPair;
use trunkline_certs::{
    Role,
    defaults::{CA_VALIDITY, LEAF_VALIDITY},
    init, issue,
};

use crate::folder::{CertsFolder, HOUR};

#[test]
fn only_the_owner_reads_a_key() {
    let folder = CertsFolder::new();
    folder.issue(Role::Node, "node-1");
    for key in ["ca.key", "node/node-1.key"] {
        assert_eq!(mode(&folder.path(key)), 0o600, "{key}");
    }
    fs::set_permissions(folder.path("node/node-1.key"), fs::Permissions::from_mode(0o644)).unwrap();
    folder.issue(Role::Node, "node-1");
    assert_eq!(mode(&folder.path("node/node-1.key")), 0o600, "after issuing again");
}

#[test]
fn folder_contains_no_temporary_files() {
    let folder = CertsFolder::new();
    folder.issue(Role::Node, "node-1").issue(Role::Node, "node-1").issue(Role::Viewer, "guest");
    assert_eq!(files(folder.dir()), ["ca.key", "ca.pem", "node", "viewer"]);
    assert_eq!(files(&folder.path("node")), ["node-1.key", "node-1.pem"]);
    assert_eq!(files(&folder.path("viewer")), ["guest.key", "guest.pem"]);
}

#[test]
fn init_never_overwrites_a_ca() {
    for kept in ["ca.pem", "ca.key"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(kept), "precious").unwrap();
        let error = init(dir.path()).unwrap_err().to_string();
        let wanted = format!(
            "certs/{kept} is already there: issue from the CA in certs with \
             `trunkline-certs issue`, or give another --dir"
        );
        assert_eq!(error.replace(dir.path().to_str().unwrap(), "certs"), wanted);
        assert_eq!(files(dir.path()), [kept]);
        assert_eq!(fs::read_to_string(dir.path().join(kept)).unwrap(), "precious");
    }
}

#[test]
fn every_role_is_valid_for_a_year() {
    let folder = CertsFolder::new();
    for role in Role::ALL {
        let before = SystemTime::now() + LEAF_VALIDITY;
        let credentials = folder.credentials(role, "one");
        let late = credentials.not_after().max(before).duration_since(before).unwrap();
        let early = before.duration_since(credentials.not_after()).unwrap_or_default();
        assert!(late < HOUR && early < HOUR, "{:?}", credentials.not_after());
    }
    assert!(CA_VALIDITY > LEAF_VALIDITY * 9);
}

#[test]
fn reissue_replaces_each_file_atomically() {
    let folder = CertsFolder::new();
    folder.issue(Role::Relay, "relay-1");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..50 {
                folder.issue(Role::Relay, "relay-1");
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            assert!(KeyPair::from_pem(&folder.read("relay/relay-1.key")).is_ok());
            let certificate = folder.read("relay/relay-1.pem");
            assert!(certificate.ends_with("-----END CERTIFICATE-----\n"), "{certificate}");
        }
    });
}

#[test]
fn issue_requires_a_certificate_and_key_of_the_ca() {
    let empty = tempfile::tempdir().unwrap();
    let name = "node-1".parse().unwrap();
    let error = issue(empty.path(), Role::Node, &name).unwrap_err().to_string();
    assert_eq!(
        error.replace(empty.path().to_str().unwrap(), "certs"),
        "certs/ca.pem is missing: copy it from where the cluster's CA was made, or make a CA with \
         `trunkline-certs init --dir certs`"
    );

    let folder = CertsFolder::new();
    let load_error = || folder.text(&issue(folder.dir(), Role::Node, &name).unwrap_err());
    let remedy = "issue where the cluster's own ca.key is kept";
    folder.write("ca.key", &CertsFolder::new().read("ca.key"));
    assert_eq!(load_error(), format!("certs/ca.key is not the key of certs/ca.pem: {remedy}"));
    folder.write("ca.key", "a note to myself");
    assert_eq!(load_error(), format!("certs/ca.key is not a private key in PEM form: {remedy}"));
    fs::remove_file(folder.path("ca.key")).unwrap();
    assert_eq!(load_error(), format!("certs/ca.key is missing: {remedy}"));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn files(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| name(e).unwrap()).collect();
    names.sort();
    names
}
