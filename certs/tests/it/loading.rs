//! The errors of `Credentials::load`: one line each, with the remedy at its end.

use std::{fs, time::SystemTime};

use trunkline_certs::{Role, defaults::BACKDATING};

use crate::folder::{CertsFolder, HOUR};

const NODE_SAN: [&str; 2] = ["node-1.node.trunkline", "node.trunkline"];
const ISSUE: &str = "with `trunkline-certs issue --dir certs --role node --name node-1`";

#[test]
fn missing_file_is_named() {
    let folder = CertsFolder::new();
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        format!("certs/node/node-1.pem is missing: issue it {ISSUE}")
    );

    folder.issue(Role::Node, "node-1");
    fs::remove_file(folder.path("node/node-1.key")).unwrap();
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        format!("certs/node/node-1.key is missing: issue it again {ISSUE}")
    );

    fs::remove_file(folder.path("ca.pem")).unwrap();
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        "certs/ca.pem is missing: copy it from where the cluster's CA was made, or make a CA with \
         `trunkline-certs init --dir certs`"
    );
}

#[test]
fn unreadable_file_is_not_called_missing() {
    let folder = CertsFolder::new();
    // Not even root can read a loop of symbolic links.
    fs::create_dir_all(folder.path("node")).unwrap();
    std::os::unix::fs::symlink("node-1.pem", folder.path("node/node-1.pem")).unwrap();
    let text = folder.load_error(Role::Node, "node-1");
    assert!(text.starts_with("certs/node/node-1.pem cannot be read ("), "{text}");
    assert!(text.ends_with("): check its owner and mode"), "{text}");
}

#[test]
fn folder_is_not_read_as_a_file() {
    let folder = CertsFolder::new();
    fs::create_dir_all(folder.path("node/node-1.pem")).unwrap();
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        format!("certs/node/node-1.pem is a folder, not a file: issue it again {ISSUE}")
    );
}

#[test]
fn content_that_is_not_pem_is_reported() {
    let folder = CertsFolder::new();
    folder.issue(Role::Node, "node-1");
    folder.write("node/node-1.key", "hello");
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        format!("certs/node/node-1.key is not a private key in PEM form: issue it again {ISSUE}")
    );

    let broken = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    folder.write("node/node-1.pem", broken);
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        format!("certs/node/node-1.pem is not a certificate in PEM form: issue it again {ISSUE}")
    );

    folder.write("ca.pem", "");
    let text = folder.load_error(Role::Node, "node-1");
    assert!(text.starts_with("certs/ca.pem is empty: copy it"), "{text}");
}

#[test]
fn key_of_another_certificate_is_rejected() {
    let folder = CertsFolder::new();
    folder.issue(Role::Node, "node-1").issue(Role::Node, "node-2");
    folder.write("node/node-1.key", &folder.read("node/node-2.key"));
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        format!(
            "certs/node/node-1.key is not the key of certs/node/node-1.pem: issue it again {ISSUE}"
        )
    );
}

#[test]
fn other_ca_with_the_same_subject_is_detected() {
    let (folder, other) = (CertsFolder::new(), CertsFolder::new());
    folder.issue(Role::Node, "node-1");
    folder.write("ca.pem", &other.read("ca.pem"));
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        format!("certs/node/node-1.pem is not signed by certs/ca.pem: issue it again {ISSUE}")
    );
}

#[test]
fn certificate_of_another_holder_is_rejected() {
    let folder = CertsFolder::new();
    folder.issue(Role::Relay, "relay-1");
    for file in ["pem", "key"] {
        let stolen = folder.read(&format!("relay/relay-1.{file}"));
        folder.write(&format!("node/node-1.{file}"), &stolen);
    }
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        format!(
            "certs/node/node-1.pem was issued to relay/relay-1, not to node/node-1: \
             issue it again {ISSUE}"
        )
    );
}

#[test]
fn ambiguous_holder_is_rejected() {
    let san = [
        &["node-1.node.trunkline", "relay.trunkline"][..],
        &["node-1.node.trunkline", "node.trunkline", "relay.trunkline"],
        &["node-1.node.trunkline", "node.trunkline", "node-2.node.trunkline"],
        &["node-1.node.trunkline"],
    ];
    for san in san {
        let folder = CertsFolder::new();
        folder.forge(Role::Node, "node-1", san, |_| {});
        assert_eq!(
            folder.load_error(Role::Node, "node-1"),
            format!(
                "certs/node/node-1.pem cannot be used (the certificate names more than one role and \
                 name): issue it again {ISSUE}"
            )
        );
    }
    for san in [&["node.trunkline"][..], &["node-1.boss.trunkline"], &[]] {
        let folder = CertsFolder::new();
        folder.forge(Role::Node, "node-1", san, |_| {});
        let text = folder.load_error(Role::Node, "node-1");
        assert!(text.contains("(the certificate names no role and name of a Trunkline"), "{text}");
    }
}

#[test]
fn certificate_out_of_date_is_rejected() {
    let folder = CertsFolder::new();
    folder.forge(Role::Node, "node-1", &NODE_SAN, |params| {
        params.not_after = (SystemTime::UNIX_EPOCH + HOUR * 24 * 365).into();
        params.not_before = SystemTime::UNIX_EPOCH.into();
    });
    assert_eq!(
        folder.load_error(Role::Node, "node-1"),
        format!("certs/node/node-1.pem expired on 1971-01-01: issue it again {ISSUE}")
    );

    folder.forge(Role::Node, "node-1", &NODE_SAN, |params| {
        params.not_before = (SystemTime::now() + HOUR).into();
        params.not_after = (SystemTime::now() + BACKDATING * 2).into();
    });
    let text = folder.load_error(Role::Node, "node-1");
    assert!(text.contains("is not valid before "), "{text}");
    assert!(text.ends_with(&format!("set this machine's clock, or issue it again {ISSUE}")));
}

#[test]
fn certificate_that_peers_would_reject_does_not_load() {
    let folder = CertsFolder::new();
    folder.forge(Role::Node, "node-1", &NODE_SAN, |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    let text = folder.load_error(Role::Node, "node-1");
    assert!(text.starts_with("certs/node/node-1.pem would be refused by a peer ("), "{text}");
    assert_eq!(text.lines().count(), 1);
}
