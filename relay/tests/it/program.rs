//! The program: its ready line, its exit statuses, its error texts.

use std::{
    io::{BufRead, BufReader, Read},
    net::UdpSocket,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use trunkline_certs::{Role, init, issue};

use crate::cluster::name;

fn relay(certs: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline-relay"));
    command
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--redis", "redis://127.0.0.1:1", "--name", "relay-1"])
        .arg("--certs")
        .arg(certs)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn certs() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).unwrap();
    issue(dir.path(), Role::Relay, &name("relay-1")).unwrap();
    dir
}

fn assert_fails(output: &Output, status: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{stderr:?} lacks {word:?}");
    }
}

fn ready(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

#[test]
fn prints_ready_line_and_stops_on_signals() {
    let certs = certs();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        // Redis is away, which is no failure.
        let mut child = relay(certs.path()).spawn().unwrap();
        let line = ready(&mut child);
        let address = line.strip_prefix("ready relay-1 ").unwrap().trim_end();
        let address: std::net::SocketAddr = address.parse().unwrap();
        assert!(address.port() > 0);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let mut more = String::new();
        child.stdout.take().unwrap().read_to_string(&mut more).unwrap();
        assert_eq!(more, "");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn flags_are_read_from_environment() {
    let certs = certs();
    let mut child = Command::new(env!("CARGO_BIN_EXE_trunkline-relay"))
        .env_clear()
        .env("TRUNKLINE_LISTEN", "127.0.0.1:0")
        .env("TRUNKLINE_REDIS", "redis://127.0.0.1:1")
        .env("TRUNKLINE_CERTS", certs.path())
        .env("TRUNKLINE_NAME", "relay-1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(ready(&mut child).starts_with("ready relay-1 127.0.0.1:"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn unusable_flag_is_named_with_its_remedy() {
    let certs = certs();
    let with = |flag: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline-relay"));
        let mut flags = vec![
            ("--listen", "127.0.0.1:0"),
            ("--redis", "redis://127.0.0.1:1"),
            ("--certs", certs.path().to_str().unwrap()),
            ("--name", "relay-1"),
        ];
        flags.retain(|&(other, _)| other != flag);
        flags.push((flag, value));
        command.env_clear().args(flags.iter().flat_map(|&(flag, value)| [flag, value]));
        command.output().unwrap()
    };
    assert_fails(&with("--redis", "http://x"), 2, &["--redis", "redis://"]);
    assert_fails(&with("--redis-prefix", "a b"), 2, &["--redis-prefix", "key prefix"]);
    assert_fails(&with("--name", "relay-2"), 2, &["--certs", "relay-2.pem is missing"]);
    assert_fails(&with("--name", "No Label"), 2, &["--name", "DNS label"]);
    assert_fails(&with("--listen", "here"), 2, &["--listen"]);
    assert_fails(&with("--certs", "/nowhere"), 2, &["--certs", "trunkline-certs init"]);
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    assert_fails(&with("--listen", &taken), 2, &["--listen", &taken]);
}
