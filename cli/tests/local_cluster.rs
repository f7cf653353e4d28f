//! The local cluster: it starts and stops its members, and leaves no process and no file behind.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use trunkline_cli::local_cluster::{LocalCluster, MemberKind, REDIS};

#[tokio::test]
async fn restarted_redis_keeps_its_port() {
    let mut cluster = LocalCluster::builder().prepare().unwrap();
    cluster.start(REDIS).await.unwrap();
    let first = cluster.node(REDIS).process().unwrap();
    assert!(first.is_alive());

    cluster.kill(REDIS).await.unwrap();
    assert!(!first.is_alive());
    assert!(cluster.redis().connect().await.is_err());

    cluster.start(REDIS).await.unwrap();
    cluster.redis().connect().await.unwrap();
    let ended = cluster.stop(MemberKind::Redis).await.unwrap();
    assert!(ended[0].1.success(), "{ended:?}");
}

#[tokio::test]
async fn dropped_cluster_leaves_no_process_and_no_file() {
    let mut cluster = LocalCluster::builder().prepare().unwrap();
    cluster.start(REDIS).await.unwrap();
    let redis = cluster.node(REDIS).process().unwrap();
    let certs = cluster.certs();
    assert!(certs.join("ca.pem").exists());
    // A paused process has to be killed too.
    cluster.pause(REDIS).unwrap();
    drop(cluster);
    assert!(!redis.is_alive());
    assert!(!certs.exists());
}

#[tokio::test]
async fn exit_is_reported_with_its_cause() {
    let mut cluster = LocalCluster::builder().prepare().unwrap();
    cluster.start(REDIS).await.unwrap();
    cluster.node(REDIS).process().unwrap().kill();
    let (name, status) = cluster.next_exit().await;
    assert_eq!(name, REDIS);
    assert_eq!(trunkline_cli::local_cluster::describe_exit(status), "was killed (SIGKILL)");
    assert!(cluster.node(REDIS).process().is_none());
}
