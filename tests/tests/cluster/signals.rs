//! Signals and resource limits.

use std::{fs, time::Duration};

use rustix::process::Signal;
use tokio::{net::TcpStream, process::Child, time::Instant};
use trunkline_certs::Role;
use trunkline_cli::local_cluster::{LocalCluster, RELAY};

use crate::{
    child_process::{command, ended, log_until, only_redis, ready, ready_line, signal, stop},
    support::{SOON, login, until},
};

async fn relay_and_node(cluster: &LocalCluster, shell: &str) -> (Child, Child) {
    let relay = command(cluster, RELAY, "").stderr(std::process::Stdio::null()).spawn().unwrap();
    let node = command(cluster, "node-1", shell).spawn().unwrap();
    ready(cluster, RELAY).await;
    ready(cluster, "node-1").await;
    (relay, node)
}

#[tokio::test]
async fn every_stop_signal_drains() {
    let cluster = only_redis(1).await;
    let mut relay = command(&cluster, RELAY, "").spawn().unwrap();
    for signal in [Signal::HUP, Signal::QUIT, Signal::INT, Signal::TERM] {
        let mut node = command(&cluster, "node-1", "").spawn().unwrap();
        ready(&cluster, "node-1").await;
        let mut alice = login(&cluster, "node-1", "alice").await;
        self::signal(&node, signal);
        if !matches!(signal, Signal::INT | Signal::QUIT) {
            // A closing terminal and its shell send one each; so do service managers.
            self::signal(&node, signal);
            self::signal(&node, Signal::HUP);
        }
        let closed = alice.closed().await.unwrap();
        assert_eq!(closed.code, 1001, "{signal:?}: {closed:?}");
        assert_eq!(ended(&mut node).await.code(), Some(0), "{signal:?}");
    }
    assert_eq!(stop(&mut relay).await.code(), Some(0));
}

#[tokio::test]
async fn second_ctrl_c_ends_at_once() {
    let cluster = only_redis(1).await;
    let (_relay, mut node) = relay_and_node(&cluster, "").await;
    // It never answers the close that the node waits for.
    let _alice = login(&cluster, "node-1", "alice").await;
    signal(&node, Signal::INT);
    log_until(&mut node, "asked to stop").await;
    signal(&node, Signal::INT);
    log_until(&mut node, "ending at once").await;
    assert_eq!(ended(&mut node).await.code(), Some(1));
}

#[tokio::test]
async fn nohup_is_respected() {
    let cluster = only_redis(1).await;
    let (_relay, mut node) = relay_and_node(&cluster, "trap '' HUP;").await;
    let mut alice = login(&cluster, "node-1", "alice").await;
    signal(&node, Signal::HUP);
    let outcome = crate::support::outcome(&mut alice, "alice").await.unwrap();
    assert_eq!(outcome, "delivered");
    drop(alice);
    signal(&node, Signal::TERM);
    let log = log_until(&mut node, "asked to stop").await;
    assert!(log.last().unwrap().contains("Terminate"), "{log:?}");
    assert_eq!(ended(&mut node).await.code(), Some(0));
}

fn open_files(child: &Child) -> (u64, u64) {
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id().unwrap())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap_or(u64::MAX));
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[tokio::test]
async fn soft_limit_of_open_files_is_raised() {
    let cluster = only_redis(1).await;
    let (_relay, mut node) = relay_and_node(&cluster, "ulimit -Sn 64;").await;
    let (soft, hard) = open_files(&node);
    assert_eq!(soft, hard);
    signal(&node, Signal::TERM);
    let log = log_until(&mut node, "asked to stop").await;
    let warned = log.iter().any(|line| line.contains("too few files"));
    assert_eq!(warned, hard < 1_652, "{log:?}");
}

#[tokio::test]
async fn low_open_files_limit_gives_one_warning_and_one_error_line() {
    let cluster = only_redis(1).await;
    let (_relay, mut node) = relay_and_node(&cluster, "ulimit -n 100;").await;
    let mut clients = Vec::new();
    for _ in 0..120 {
        clients.push(TcpStream::connect(cluster.node("node-1").address()).await.unwrap());
    }
    let mut log = log_until(&mut node, "cannot accept a connection").await;
    // It retries twenty times a second.
    let begin = Instant::now();
    let enough = || async { (begin.elapsed() > Duration::from_secs(2)).then_some(()) };
    until("two seconds have passed", SOON, enough).await;
    drop(clients);
    signal(&node, Signal::TERM);
    log.extend(log_until(&mut node, "asked to stop").await);
    let lines = |words: &str| log.iter().filter(|line| line.contains(words)).count();
    assert_eq!(lines("cannot accept a connection"), 1, "{log:?}");
    assert_eq!(lines("too few files may be open"), 1, "{log:?}");
    assert_eq!(lines("needed=1652 limit=100"), 1, "{log:?}");
}

#[tokio::test]
async fn repeated_rejection_of_a_node_is_one_line_on_either_side() {
    let cluster = only_redis(1).await;
    let mut node = command(&cluster, "node-1", "").spawn().unwrap();
    ready_line(&mut node).await;
    // The node has loaded its certificate; the relay's next one is of another CA.
    let certs = cluster.certs();
    for file in ["ca.pem", "ca.key"] {
        fs::remove_file(certs.join(file)).unwrap();
    }
    trunkline_certs::init(&certs).unwrap();
    trunkline_certs::issue(&certs, Role::Relay, &RELAY.parse().unwrap()).unwrap();
    let mut relay = command(&cluster, RELAY, "").spawn().unwrap();
    let mut relay_log = log_until(&mut relay, "connection rejected").await;
    let mut node_log = log_until(&mut node, "certificate").await;
    // The node dials more than once a second.
    let begin = Instant::now();
    let enough = || async { (begin.elapsed() > Duration::from_secs(4)).then_some(()) };
    until("four seconds have passed", SOON, enough).await;
    for (child, log) in [(&mut node, &mut node_log), (&mut relay, &mut relay_log)] {
        signal(child, Signal::TERM);
        log.extend(log_until(child, "asked to stop").await);
    }
    let lines = |log: &[String], words: &str| {
        log.iter().filter(|line| line.contains(words) && line.contains("certificate")).count()
    };
    assert_eq!(lines(&node_log, "no link to the relay"), 1, "{node_log:?}");
    assert_eq!(lines(&relay_log, "connection rejected"), 1, "{relay_log:?}");
}
