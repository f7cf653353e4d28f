//! A closed, full or unread log or output does not affect what a program serves.

use std::{
    fs::File,
    io::{self, PipeReader},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::Child;
use trunkline_cli::local_cluster::{LocalCluster, RELAY};
use trunkline_client::Client;

use crate::{
    child_process::{self, command, metric_value, only_redis, ready},
    support::{SOON, login},
};

/// Long enough that a node that cannot renew its lease is declared dead.
const SEVERAL_LEASES: Duration = Duration::from_secs(6);

/// Standard error, and what must be kept to keep it in its state.
fn closed_pipe() -> (Stdio, Option<PipeReader>) {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    (writer.into(), None)
}

fn full_disk() -> (Stdio, Option<PipeReader>) {
    (File::options().write(true).open("/dev/full").unwrap().into(), None)
}

fn unread_pipe() -> (Stdio, Option<PipeReader>) {
    let (reader, writer) = io::pipe().unwrap();
    (writer.into(), Some(reader))
}

fn start(cluster: &LocalCluster, name: &str, stdout: Stdio, stderr: Stdio) -> Child {
    let mut command = command(cluster, name, "");
    command.env("TRUNKLINE_LOG", "trace").stdout(stdout).stderr(stderr);
    command.spawn().unwrap()
}

async fn delivers(from: &mut Client, to: &str) {
    let outcome = crate::support::outcome(from, to).await.unwrap();
    assert_eq!(outcome, "delivered");
}

async fn all_have_dropped_lines(cluster: &LocalCluster, members: &[(&str, Child)]) -> bool {
    for (name, _) in members {
        let dropped = metric_value(cluster, name, "trunkline_log_lines_dropped_total").await;
        if dropped.unwrap_or(0.0) == 0.0 {
            return false;
        }
    }
    true
}

async fn serves_with(stderr: impl Fn() -> (Stdio, Option<PipeReader>)) {
    let cluster = only_redis(2).await;
    let mut kept = Vec::new();
    let mut children: Vec<_> = [RELAY, "node-1", "node-2"]
        .into_iter()
        .map(|name| {
            let (stderr, keep) = stderr();
            kept.push(keep);
            // Standard output is closed too.
            (name, start(&cluster, name, closed_pipe().0, stderr))
        })
        .collect();
    for (name, _) in &children {
        ready(&cluster, name).await;
    }
    let mut alice = login(&cluster, "node-1", "alice").await;
    let mut bob = login(&cluster, "node-2", "bob").await;
    let begin = Instant::now();
    while begin.elapsed() < SEVERAL_LEASES || !all_have_dropped_lines(&cluster, &children).await {
        for _ in 0..20 {
            delivers(&mut alice, "bob").await;
            delivers(&mut bob, "alice").await;
        }
        assert!(begin.elapsed() < 3 * SOON, "no lines are dropped");
    }
    let _carol = login(&cluster, "node-2", "carol").await;
    delivers(&mut alice, "carol").await;
    for (name, child) in &mut children {
        ready(&cluster, name).await;
        assert!(child.try_wait().unwrap().is_none(), "{name} has ended");
    }
    // Last started, first stopped: each ends in order.
    for (name, child) in children.iter_mut().rev() {
        assert_eq!(child_process::stop(child).await.code(), Some(0), "{name}");
    }
}

#[tokio::test]
async fn closed_log_pipe_ends_no_program() {
    serves_with(closed_pipe).await;
}

#[tokio::test]
async fn full_log_disk_ends_no_program() {
    serves_with(full_disk).await;
}

#[tokio::test]
async fn unread_log_pipe_delays_nothing() {
    serves_with(unread_pipe).await;
}

#[tokio::test]
async fn usage_error_has_its_exit_status_even_if_it_cannot_be_printed() {
    let cluster = only_redis(1).await;
    for stderr in [closed_pipe, full_disk, unread_pipe] {
        for name in [RELAY, "node-1"] {
            let (stderr, _kept) = stderr();
            let mut command = command(&cluster, name, "");
            let mut child = command.arg("--bogus").stderr(stderr).spawn().unwrap();
            assert_eq!(child_process::ended(&mut child).await.code(), Some(2), "{name}");
        }
    }
}
