//! The commands of `trunkline`, as a person types them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod pty;

use std::{
    fs,
    process::{Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{Instant, sleep, timeout},
};
use trunkline_cli::{
    defaults::STOP_TIMEOUT,
    local_cluster::{LocalCluster, ProcessId},
};

use crate::pty::Terminal;

/// How long a condition may take that nothing but the machine's load delays.
const SOON: Duration = Duration::from_secs(30);

/// A running `up` with its own folder.
struct Up {
    home: TempDir,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Up {
    /// Starts it, and waits until it prints where to connect.
    async fn start(nodes: &str) -> Self {
        // A build happens here, where no timeout applies.
        drop(LocalCluster::builder().prepare().unwrap());
        let home = TempDir::new().unwrap();
        let mut child = command(&home, &["up", "--no-gui", "--nodes", nodes]).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut up = Self { home, child, lines };
        up.prints("Connect").await;
        up
    }

    async fn prints(&mut self, words: &str) {
        next_with(&mut self.lines, words).await;
    }

    async fn run(&self, args: &[&str], input: &str) -> Output {
        run(&self.home, args, input).await
    }

    /// Runs a command that must succeed, and returns its output.
    async fn ask(&self, args: &[&str]) -> String {
        let output = self.run(args, "").await;
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}: {stdout} {stderr}");
        stdout
    }

    fn processes(&self) -> Vec<ProcessId> {
        let state = fs::read(self.home.path().join("cluster.json")).unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        serde_json::from_value(state["processes"].clone()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().unwrap().cast_signed();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

fn command(home: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    command.arg("--home").arg(home.path()).args(args).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn run(home: &TempDir, args: &[&str], input: &str) -> Output {
    let mut child = command(home, args).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    timeout(SOON, child.wait_with_output()).await.unwrap().unwrap()
}

/// Reads until a line contains `words`.
async fn next_with(lines: &mut Lines<BufReader<ChildStdout>>, words: &str) {
    loop {
        let line = timeout(SOON * 2, lines.next_line()).await.unwrap().unwrap();
        let line = line.unwrap_or_else(|| panic!("it ended before it printed {words:?}"));
        if line.contains(words) {
            return;
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn gone(processes: &[ProcessId]) {
    let deadline = Instant::now() + SOON;
    while processes.iter().any(|process| process.is_alive()) {
        assert!(Instant::now() < deadline, "a process is left");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn commands_work_on_a_running_cluster_and_down_leaves_no_process() {
    let mut up = Up::start("2").await;
    let second = up.run(&["up", "--no-gui"], "").await;
    assert_eq!(second.status.code(), Some(2));
    assert!(text(&second.stderr).contains("runs here already"), "{second:?}");

    assert!(up.ask(&["node", "node-3"]).await.contains("node-3 is ready"));
    assert!(up.ask(&["kill", "node-2"]).await.contains("SIGKILL"));
    assert!(up.ask(&["node", "node-2"]).await.contains("node-2 is ready"));
    assert!(up.ask(&["drain", "node-1"]).await.contains("stopped cleanly"));
    let twice = up.run(&["kill", "node-1"], "").await;
    assert!(text(&twice.stderr).contains("node-1 is not running"), "{twice:?}");
    up.prints("node-1 stopped cleanly").await;

    let status = up.ask(&["status", "--once"]).await;
    assert!(status.contains("node-3") && status.contains("live"), "{status}");
    let raw = up.ask(&["status", "--once", "--json"]).await;
    assert!(raw.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{raw}");

    let processes = up.processes();
    assert_eq!(processes.len(), 4, "Redis, relay, two nodes");
    assert_eq!(up.ask(&["down"]).await.trim(), "✓ stopped");
    assert!(up.child.wait().await.unwrap().success());
    gone(&processes).await;
    let down = up.run(&["down"], "").await;
    assert!(text(&down.stderr).contains("just up"), "{down:?}");
}

#[tokio::test]
async fn chat_reconnects_to_another_node_when_its_node_dies() {
    let up = Up::start("2").await;
    let mut bob = command(&up.home, &["chat", "bob", "node-2"]).spawn().unwrap();
    let mut shown = BufReader::new(bob.stdout.take().unwrap()).lines();
    next_with(&mut shown, "as bob").await;

    let alice = up.run(&["chat", "alice"], "@bob hello there\nnobody psst\n\n").await;
    let said = text(&alice.stdout);
    assert!(alice.status.success(), "{alice:?}");
    assert!(said.contains("bob delivered") && said.contains("nobody offline"), "{said}");
    next_with(&mut shown, "alice: hello there").await;

    up.ask(&["kill", "node-2"]).await;
    next_with(&mut shown, "trying").await;
    next_with(&mut shown, "as bob").await;
    let alice = up.run(&["chat", "alice"], "bob again\n").await;
    assert!(text(&alice.stdout).contains("bob delivered"), "{alice:?}");
    next_with(&mut shown, "alice: again").await;
    up.signal(Signal::TERM);
}

#[tokio::test]
async fn unread_output_does_not_stop_a_cluster() {
    let Up { home, mut child, lines } = Up::start("2").await;
    drop(lines);
    drop(child.stderr.take());
    for args in [["kill", "node-2"], ["node", "node-2"], ["drain", "node-1"]] {
        let output = run(&home, &args, "").await;
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
    // Nor do the two signals of a closing terminal and its shell skip the orderly stop.
    for _ in 0..2 {
        let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, Signal::HUP).unwrap();
    }
    // Nodes, relay and Redis stop one after the other, and each has its own limit.
    let ended = timeout(SOON + 3 * STOP_TIMEOUT, child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
}

#[tokio::test]
async fn status_on_a_terminal_is_one_screen_that_keys_change() {
    let up = Up::start("2").await;
    let mut status = Terminal::run(&up.home, &["status"]);
    status.until("node-1");
    status.until("node-2");
    status.until("q quit");
    status.types("?");
    status.until("show or hide these keys");
    status.types("q");
    assert!(status.ended().success());
    up.signal(Signal::TERM);
}

#[tokio::test]
async fn message_does_not_land_in_the_line_that_is_typed() {
    let up = Up::start("1").await;
    let mut alice = Terminal::run(&up.home, &["chat", "alice"]);
    alice.until("as alice");
    alice.types("bob half a l");
    alice.until("bob half a l");
    let bob = up.run(&["chat", "bob"], "alice psst\n").await;
    assert!(text(&bob.stdout).contains("alice delivered"), "{bob:?}");
    alice.until("bob: psst");
    // The line is there again, and can be completed.
    alice.until("bob half a l");
    alice.types("ine\r");
    alice.until("bob offline");
    alice.types("/quit\r");
    assert!(alice.ended().success());
    up.signal(Signal::TERM);
}

#[tokio::test]
async fn status_ends_when_its_reader_ends() {
    let up = Up::start("1").await;
    for args in [["status", "--json"].as_slice(), &["status"]] {
        let mut status = command(&up.home, args).spawn().unwrap();
        let mut lines = BufReader::new(status.stdout.take().unwrap()).lines();
        timeout(SOON, lines.next_line()).await.unwrap().unwrap().unwrap();
        drop(lines);
        let ended = timeout(SOON, status.wait()).await.expect("it ends").unwrap();
        assert!(ended.success(), "{args:?}: {ended:?}");
    }
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut status = command(&up.home, &["status", "--once"]);
    let output = status.stdout(full).spawn().unwrap().wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("No space left"), "{output:?}");
    up.signal(Signal::TERM);
}

#[tokio::test]
async fn killed_up_leaves_no_process() {
    let mut up = Up::start("1").await;
    let processes = up.processes();
    assert!(processes.iter().all(|process| process.is_alive()));
    up.signal(Signal::KILL);
    up.child.wait().await.unwrap();
    gone(&processes).await;
    assert!(up.ask(&["down"]).await.contains("had died"));
    let down = up.run(&["down"], "").await;
    assert!(!down.status.success(), "{down:?}");
}

#[tokio::test]
async fn exit_of_a_node_is_reported_and_the_others_keep_running() {
    let mut up = Up::start("2").await;
    let last = *up.processes().last().unwrap();
    last.kill();
    up.prints("node-2 was killed (SIGKILL)").await;
    assert!(up.ask(&["node", "node-2"]).await.contains("node-2 is ready"));
    up.signal(Signal::INT);
    up.prints("Stopping").await;
    up.prints("relay-1").await;
    assert_eq!(up.child.wait().await.unwrap().code(), Some(130));
}

#[tokio::test]
async fn load_delivers_in_order_and_counts() {
    let up = Up::start("2").await;
    let args = ["load", "--users", "20", "--rate", "200", "--seconds", "4"];
    let totals = up.ask(&args).await;
    let count = |label: &str| -> u64 {
        let rest = totals.rsplit_once(label).unwrap_or_else(|| panic!("{label}: {totals}")).1;
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    // The balance has one term: nothing failed, and nothing waits.
    let sent = count("sent");
    assert!(totals.contains(&format!("sent {sent} = delivered {sent}\n")), "{totals}");
    assert!(count("arrived") > 0 && count("arrived") <= sent, "{totals}");
    assert_eq!(count("out of order"), 0, "{totals}");
    let refused = up.run(&["load", "--users", "1"], "").await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    up.signal(Signal::TERM);
}
