//! Certificates of the cluster that are revoked and replaced while it runs.

use std::time::Duration;

use tokio::{process::Command, time::timeout};
use trunkline_cli::{
    local_cluster::{LocalCluster, Programs},
    status_stream::StatusStream,
};

use crate::support::{self, SOON, login, until};

/// Runs `trunkline-certs` in the cluster's folder.
async fn certs(cluster: &LocalCluster, command: &str, role: &str, name: &str) {
    let programs = Programs::built(&["trunkline-certs"]).unwrap();
    let mut certs = Command::new(programs.path("trunkline-certs"));
    certs.arg(command).arg("--dir").arg(cluster.certs());
    let output = certs.args(["--role", role, "--name", name]).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn revoked_node_is_cut_off_until_it_has_a_new_certificate() {
    let cluster = support::cluster(2).await;
    let mut bob = login(&cluster, "node-2", "bob").await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    assert_eq!(support::outcome(&mut alice, "bob").await.unwrap(), "delivered");

    certs(&cluster, "revoke", "node", "node-2").await;
    let is_refused = || async {
        let log = std::fs::read_to_string(cluster.node("node-2").log()).unwrap();
        log.contains("the certificate was revoked").then_some(())
    };
    until("the link of node-2 is closed", SOON, is_refused).await;
    assert_ne!(support::outcome(&mut alice, "bob").await.unwrap(), "delivered");
    // Its own users are not affected.
    assert_eq!(support::outcome(&mut bob, "bob").await.unwrap(), "delivered");

    certs(&cluster, "issue", "node", "node-2").await;
    cluster.ready("node-2").await.unwrap();
    assert_eq!(support::outcome(&mut alice, "bob").await.unwrap(), "delivered");
    bob.close().await.unwrap();
}

/// The relay's next handshakes use its new certificate; links stay.
#[tokio::test]
async fn relay_takes_a_new_certificate_without_a_restart() {
    let cluster = support::cluster(1).await;
    let relay = cluster.relay();
    certs(&cluster, "issue", "relay", relay.name()).await;
    let is_told = || async {
        let log = std::fs::read_to_string(relay.log()).unwrap();
        log.contains("the certificate has changed and is in use").then_some(())
    };
    until("the relay tells", SOON, is_told).await;
    let log = std::fs::read_to_string(cluster.node("node-1").log()).unwrap();
    assert_eq!(log.matches("linked").count(), 1, "{log}");
}

#[tokio::test]
async fn status_stream_of_a_revoked_admin_ends() {
    let cluster = support::cluster(1).await;
    let (relay, certs_dir) = (cluster.relay().address(), cluster.certs());
    let status = StatusStream::open(relay, &certs_dir, Duration::from_millis(200)).await;
    let mut status = status.unwrap();
    status.next_line().await.unwrap();
    certs(&cluster, "revoke", "admin", "admin").await;
    let ended = async { while status.next_line().await.is_ok() {} };
    timeout(SOON, ended).await.unwrap();
    let again = StatusStream::open(relay, &certs_dir, Duration::from_millis(200)).await;
    let refused = match again {
        Ok(mut stream) => stream.next_line().await.is_err(),
        Err(_) => true,
    };
    assert!(refused, "it is not accepted again");
}
