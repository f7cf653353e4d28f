//! What happens to a program's output is no business of those whom it serves.

use std::{
    fs::File,
    io::{self, PipeReader},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::Child;
use trunkline_cli::local_cluster::{Cluster, RELAY};
use trunkline_client::Client;

use crate::{
    by_hand::{self, command, figure, only_redis, ready},
    support::{SOON, login},
};

/// A node that cannot renew its lease is long dead by then.
const SEVERAL_LEASES: Duration = Duration::from_secs(6);

/// Standard error, and what has to be kept for it to stay as it is.
fn closed_pipe() -> (Stdio, Option<PipeReader>) {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    (writer.into(), None)
}

fn full_disk() -> (Stdio, Option<PipeReader>) {
    (File::options().write(true).open("/dev/full").unwrap().into(), None)
}

fn pipe_that_nobody_reads() -> (Stdio, Option<PipeReader>) {
    let (reader, writer) = io::pipe().unwrap();
    (writer.into(), Some(reader))
}

fn start(cluster: &Cluster, name: &str, stdout: Stdio, stderr: Stdio) -> Child {
    let mut command = command(cluster, name, "");
    command.env("TRUNKLINE_LOG", "trace").stdout(stdout).stderr(stderr);
    command.spawn().unwrap()
}

async fn delivers(from: &mut Client, to: &str) {
    let outcome = crate::support::outcome(from, to).await.unwrap();
    assert_eq!(outcome, "delivered");
}

async fn all_have_dropped_lines(cluster: &Cluster, members: &[(&str, Child)]) -> bool {
    for (name, _) in members {
        let dropped = figure(cluster, name, "trunkline_log_lines_dropped_total").await;
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
            // Standard output is no better off.
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
        assert_eq!(by_hand::stop(child).await.code(), Some(0), "{name}");
    }
}

#[tokio::test]
async fn a_log_whose_reader_has_ended_ends_nothing() {
    serves_with(closed_pipe).await;
}

#[tokio::test]
async fn a_log_on_a_full_disk_ends_nothing() {
    serves_with(full_disk).await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_delays_nothing() {
    serves_with(pipe_that_nobody_reads).await;
}

#[tokio::test]
async fn a_complaint_that_nobody_takes_still_has_its_exit_status() {
    let cluster = only_redis(1).await;
    for stderr in [closed_pipe, full_disk, pipe_that_nobody_reads] {
        for name in [RELAY, "node-1"] {
            let (stderr, _kept) = stderr();
            let mut command = command(&cluster, name, "");
            let mut child = command.arg("--bogus").stderr(stderr).spawn().unwrap();
            assert_eq!(by_hand::ended(&mut child).await.code(), Some(2), "{name}");
        }
    }
}
