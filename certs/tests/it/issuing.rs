//! What `init` and `issue` leave in the folder.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::SystemTime,
};

use rcgen::KeyPair;
use trunkline_certs::{CA_VALIDITY, LEAF_VALIDITY, Role, init, issue};

use crate::cluster::{Cluster, HOUR};

#[test]
fn keys_are_for_their_owner_alone() {
    let cluster = Cluster::new();
    cluster.issue(Role::Node, "node-1");
    for key in ["ca.key", "node/node-1.key"] {
        assert_eq!(mode(&cluster.path(key)), 0o600, "{key}");
    }
    fs::set_permissions(cluster.path("node/node-1.key"), fs::Permissions::from_mode(0o644))
        .unwrap();
    cluster.issue(Role::Node, "node-1");
    assert_eq!(mode(&cluster.path("node/node-1.key")), 0o600, "after issuing again");
}

#[test]
fn nothing_else_is_left_in_the_folder() {
    let cluster = Cluster::new();
    cluster.issue(Role::Node, "node-1").issue(Role::Node, "node-1").issue(Role::Viewer, "guest");
    assert_eq!(files(cluster.dir()), ["ca.key", "ca.pem", "node", "viewer"]);
    assert_eq!(files(&cluster.path("node")), ["node-1.key", "node-1.pem"]);
    assert_eq!(files(&cluster.path("viewer")), ["guest.key", "guest.pem"]);
}

#[test]
fn init_overwrites_neither_file_of_a_ca() {
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
fn every_role_is_issued_for_a_year_and_loads() {
    let cluster = Cluster::new();
    for role in Role::ALL {
        let before = SystemTime::now() + LEAF_VALIDITY;
        let credentials = cluster.credentials(role, "one");
        assert_eq!(credentials.identity().to_string(), format!("{role}/one"));
        let late = credentials.not_after().max(before).duration_since(before).unwrap();
        let early = before.duration_since(credentials.not_after()).unwrap_or_default();
        assert!(late < HOUR && early < HOUR, "{:?}", credentials.not_after());
    }
    assert!(CA_VALIDITY > LEAF_VALIDITY * 9);
}

#[test]
fn issuing_again_never_shows_half_a_file() {
    let cluster = Cluster::new();
    cluster.issue(Role::Relay, "relay-1");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..50 {
                cluster.issue(Role::Relay, "relay-1");
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            assert!(KeyPair::from_pem(&cluster.read("relay/relay-1.key")).is_ok());
            let certificate = cluster.read("relay/relay-1.pem");
            assert!(certificate.ends_with("-----END CERTIFICATE-----\n"), "{certificate}");
        }
    });
}

#[test]
fn issuing_needs_a_whole_ca() {
    let empty = tempfile::tempdir().unwrap();
    let name = "node-1".parse().unwrap();
    let error = issue(empty.path(), Role::Node, &name).unwrap_err().to_string();
    assert_eq!(
        error.replace(empty.path().to_str().unwrap(), "certs"),
        "certs/ca.pem is missing: copy it from where the cluster's CA was made, or make a CA with \
         `trunkline-certs init --dir certs`"
    );

    let cluster = Cluster::new();
    let complaint = || cluster.text(&issue(cluster.dir(), Role::Node, &name).unwrap_err());
    let mend = "issue where the cluster's own ca.key is kept";
    cluster.write("ca.key", &Cluster::new().read("ca.key"));
    assert_eq!(complaint(), format!("certs/ca.key is not the key of certs/ca.pem: {mend}"));
    cluster.write("ca.key", "a note to myself");
    assert_eq!(complaint(), format!("certs/ca.key is not a private key in PEM form: {mend}"));
    fs::remove_file(cluster.path("ca.key")).unwrap();
    assert_eq!(complaint(), format!("certs/ca.key is missing: {mend}"));
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
