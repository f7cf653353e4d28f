//! What `Credentials::load` says of a folder that is not right: one line, ending in the mend.

use std::{fs, time::SystemTime};

use trunkline_certs::{BACKDATING, Role};

use crate::cluster::{Cluster, HOUR};

const NODE_SAN: [&str; 2] = ["node-1.node.trunkline", "node.trunkline"];
const ISSUE: &str = "with `trunkline-certs issue --dir certs --role node --name node-1`";

#[test]
fn a_missing_file_is_named() {
    let cluster = Cluster::new();
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        format!("certs/node/node-1.pem is missing: issue it {ISSUE}")
    );

    cluster.issue(Role::Node, "node-1");
    fs::remove_file(cluster.path("node/node-1.key")).unwrap();
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        format!("certs/node/node-1.key is missing: issue it again {ISSUE}")
    );

    fs::remove_file(cluster.path("ca.pem")).unwrap();
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        "certs/ca.pem is missing: copy it from where the cluster's CA was made, or make a CA with \
         `trunkline-certs init --dir certs`"
    );
}

#[test]
fn an_unreadable_file_is_no_missing_one() {
    let cluster = Cluster::new();
    // A loop of links cannot be read by anyone, not even by root.
    fs::create_dir_all(cluster.path("node")).unwrap();
    std::os::unix::fs::symlink("node-1.pem", cluster.path("node/node-1.pem")).unwrap();
    let text = cluster.complaint(Role::Node, "node-1");
    assert!(text.starts_with("certs/node/node-1.pem cannot be read ("), "{text}");
    assert!(text.ends_with("): check its owner and mode"), "{text}");
}

#[test]
fn a_folder_is_no_file() {
    let cluster = Cluster::new();
    fs::create_dir_all(cluster.path("node/node-1.pem")).unwrap();
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        format!("certs/node/node-1.pem is a folder, not a file: issue it again {ISSUE}")
    );
}

#[test]
fn something_else_than_pem_is_called_so() {
    let cluster = Cluster::new();
    cluster.issue(Role::Node, "node-1");
    cluster.write("node/node-1.key", "hello");
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        format!("certs/node/node-1.key is not a private key in PEM form: issue it again {ISSUE}")
    );

    let broken = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    cluster.write("node/node-1.pem", broken);
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        format!("certs/node/node-1.pem is not a certificate in PEM form: issue it again {ISSUE}")
    );

    cluster.write("ca.pem", "");
    let text = cluster.complaint(Role::Node, "node-1");
    assert!(text.starts_with("certs/ca.pem is empty: copy it"), "{text}");
}

#[test]
fn the_key_must_be_the_certificates() {
    let cluster = Cluster::new();
    cluster.issue(Role::Node, "node-1").issue(Role::Node, "node-2");
    cluster.write("node/node-1.key", &cluster.read("node/node-2.key"));
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        format!(
            "certs/node/node-1.key is not the key of certs/node/node-1.pem: issue it again {ISSUE}"
        )
    );
}

#[test]
fn another_ca_is_told_apart_though_it_has_the_same_name() {
    let (cluster, other) = (Cluster::new(), Cluster::new());
    cluster.issue(Role::Node, "node-1");
    cluster.write("ca.pem", &other.read("ca.pem"));
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        format!("certs/node/node-1.pem is not signed by certs/ca.pem: issue it again {ISSUE}")
    );
}

#[test]
fn someone_elses_certificate_is_refused() {
    let cluster = Cluster::new();
    cluster.issue(Role::Relay, "relay-1");
    for file in ["pem", "key"] {
        let stolen = cluster.read(&format!("relay/relay-1.{file}"));
        cluster.write(&format!("node/node-1.{file}"), &stolen);
    }
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        format!(
            "certs/node/node-1.pem was issued to relay/relay-1, not to node/node-1: \
             issue it again {ISSUE}"
        )
    );
}

#[test]
fn a_certificate_that_can_be_read_in_two_ways_is_refused() {
    let san = [
        &["node-1.node.trunkline", "relay.trunkline"][..],
        &["node-1.node.trunkline", "node.trunkline", "relay.trunkline"],
        &["node-1.node.trunkline", "node.trunkline", "node-2.node.trunkline"],
        &["node-1.node.trunkline"],
    ];
    for san in san {
        let cluster = Cluster::new();
        cluster.forge(Role::Node, "node-1", san, |_| {});
        assert_eq!(
            cluster.complaint(Role::Node, "node-1"),
            format!(
                "certs/node/node-1.pem is of no use (the certificate names more than one role and \
                 name): issue it again {ISSUE}"
            )
        );
    }
    for san in [&["node.trunkline"][..], &["node-1.boss.trunkline"], &[]] {
        let cluster = Cluster::new();
        cluster.forge(Role::Node, "node-1", san, |_| {});
        let text = cluster.complaint(Role::Node, "node-1");
        assert!(text.contains("(the certificate names no role and name of a Trunkline"), "{text}");
    }
}

#[test]
fn a_certificate_out_of_date_is_refused() {
    let cluster = Cluster::new();
    cluster.forge(Role::Node, "node-1", &NODE_SAN, |params| {
        params.not_after = (SystemTime::UNIX_EPOCH + HOUR * 24 * 365).into();
        params.not_before = SystemTime::UNIX_EPOCH.into();
    });
    assert_eq!(
        cluster.complaint(Role::Node, "node-1"),
        format!("certs/node/node-1.pem expired on 1971-01-01: issue it again {ISSUE}")
    );

    cluster.forge(Role::Node, "node-1", &NODE_SAN, |params| {
        params.not_before = (SystemTime::now() + HOUR).into();
        params.not_after = (SystemTime::now() + BACKDATING * 2).into();
    });
    let text = cluster.complaint(Role::Node, "node-1");
    assert!(text.contains("is not valid before "), "{text}");
    assert!(text.ends_with(&format!("set this machine's clock, or issue it again {ISSUE}")));
}

#[test]
fn a_certificate_that_peers_would_refuse_is_refused_here() {
    let cluster = Cluster::new();
    cluster.forge(Role::Node, "node-1", &NODE_SAN, |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    let text = cluster.complaint(Role::Node, "node-1");
    assert!(text.starts_with("certs/node/node-1.pem would be refused by a peer ("), "{text}");
    assert_eq!(text.lines().count(), 1);
}
