//! Members of a cluster that a test starts as its own child processes, with its own outputs, limits and
//! variables.

use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};
use trunkline_cli::{
    http,
    local_cluster::{LocalCluster, MemberKind, REDIS},
};

use crate::support::{SOON, until};

/// A cluster with only its Redis running.
pub(crate) async fn only_redis(nodes: usize) -> LocalCluster {
    let mut cluster = LocalCluster::builder().nodes(nodes).prepare().unwrap();
    cluster.start(REDIS).await.unwrap();
    cluster
}

/// The command that starts the member `name` with piped output and error. `shell` is run before it by
/// the same shell, such as `ulimit -n 64;`.
pub(crate) fn command(cluster: &LocalCluster, name: &str, shell: &str) -> Command {
    let member = cluster.node(name);
    let program = match member.kind() {
        MemberKind::Node => "trunkline-node",
        _ => "trunkline-relay",
    };
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!("{shell} exec \"$0\" \"$@\""));
    command.arg(cluster.programs().path(program)).arg("--name").arg(name);
    command.arg("--listen").arg(member.address().to_string());
    command.arg("--ops").arg(member.ops().to_string());
    command.arg("--redis").arg(cluster.redis().url()).arg("--certs").arg(cluster.certs());
    if member.kind() == MemberKind::Node {
        command.arg("--relay").arg(cluster.relay().address().to_string());
    }
    command.env_clear().kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits until a member is ready.
pub(crate) async fn ready(cluster: &LocalCluster, name: &str) {
    let ops = cluster.node(name).ops();
    let ready = || async {
        let answer = http::get(ops, "/readyz").await.ok()?;
        (answer.status == 200).then_some(())
    };
    until(&format!("{name} is ready"), SOON, ready).await;
}

/// The value of a metric in a member's `/metrics`.
pub(crate) async fn metric_value(cluster: &LocalCluster, member: &str, name: &str) -> Option<f64> {
    let metrics = http::get(cluster.node(member).ops(), "/metrics").await.ok()?.body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line?.parse().ok()
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = child.id().unwrap().cast_signed();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Waits until it has ended.
pub(crate) async fn ended(child: &mut Child) -> ExitStatus {
    timeout(SOON, child.wait()).await.expect("it ends").unwrap()
}

/// Stops it with SIGTERM.
pub(crate) async fn stop(child: &mut Child) -> ExitStatus {
    signal(child, Signal::TERM);
    ended(child).await
}

/// Reads its log until a line contains `words`, and returns the lines so far.
pub(crate) async fn log_until(child: &mut Child, words: &str) -> Vec<String> {
    let mut lines = BufReader::new(child.stderr.as_mut().unwrap()).lines();
    let mut seen = Vec::new();
    loop {
        let line = timeout(SOON, lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("no {words:?} in {seen:?}")).unwrap();
        let line = line.unwrap_or_else(|| panic!("the log ends before {words:?}: {seen:?}"));
        let found = line.contains(words);
        seen.push(line);
        if found {
            return seen;
        }
    }
}

/// Waits for its ready line.
pub(crate) async fn ready_line(child: &mut Child) {
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
    timeout(SOON, stdout.read_line(&mut line)).await.unwrap().unwrap();
    if !line.starts_with("ready ") {
        panic!("it printed {line:?}, and {:?}", log_until(child, "error").await);
    }
}
