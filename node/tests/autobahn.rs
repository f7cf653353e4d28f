//! The Autobahn test suite against the node's accept path and codec settings: `just autobahn`.
//!
//! `kosoku` runs Autobahn's own case files without Python 2.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap, env, fs, net::TcpListener, path::PathBuf, process::Command, thread,
};

use serde::Deserialize;
use tokio::runtime;
use trunkline_node::testing::serve_echo;

/// The largest messages of the suite, in section 9, have 16 MiB. An echo adds a header.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024 + 16;

/// How long a section may take, in seconds: a case without an answer has no timeout of its own.
const SECTION_SECONDS_MAX: u32 = 240;

/// The acceptable results of a case.
const ACCEPTED: [&str; 3] = ["OK", "NON-STRICT", "INFORMATIONAL"];

/// The acceptable results of a case's closing handshake.
const ACCEPTED_CLOSES: [&str; 2] = ["OK", "INFORMATIONAL"];

/// The result of a case.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    behavior: String,
    behavior_close: String,
}

#[test]
fn framing() {
    section(1, 16);
}

#[test]
fn pings_and_pongs() {
    section(2, 11);
}

#[test]
fn reserved_bits() {
    section(3, 7);
}

#[test]
fn opcodes() {
    section(4, 10);
}

#[test]
fn fragmentation() {
    section(5, 20);
}

#[test]
fn utf8() {
    section(6, 145);
}

#[test]
fn closes() {
    section(7, 37);
}

#[test]
fn limits() {
    section(9, 54);
}

#[test]
fn opening_handshake() {
    section(10, 1);
}

/// Runs a section of the suite, in which this many cases have to pass.
fn section(number: u32, cases: usize) {
    let report = run(&format!("{number}.*"), &echo());
    assert_eq!(report.len(), cases, "section {number} has an unexpected number of cases");
    let failed: Vec<_> = report.iter().filter(|(_, case)| !passed(case)).collect();
    assert!(failed.is_empty(), "failed cases: {failed:#?}");
}

fn passed(case: &Case) -> bool {
    let Case { behavior, behavior_close } = case;
    ACCEPTED.contains(&behavior.as_str()) && ACCEPTED_CLOSES.contains(&behavior_close.as_str())
}

/// Starts an echo server, which ends with this process, and returns its URL.
fn echo() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve_echo(listener, FRAME_BYTES_MAX)).unwrap();
    });
    format!("ws://{address}/ws")
}

/// Runs the cases that match a pattern against a server.
fn run(pattern: &str, url: &str) -> BTreeMap<String, Case> {
    let folder = tempfile::tempdir().unwrap();
    let mut kosoku = Command::new("timeout");
    kosoku.arg(SECTION_SECONDS_MAX.to_string()).arg(tools().join("python/bin/kosoku"));
    kosoku.args(["--include", pattern, "--outdir"]).arg(folder.path()).arg(url);
    let output = kosoku.output().expect("`just autobahn` installs kosoku");
    // Its exit status only says whether all cases passed; the report has the details.
    let Ok(index) = fs::read(folder.path().join("index.json")) else {
        panic!("no report: {}", String::from_utf8_lossy(&output.stderr));
    };
    let agents: BTreeMap<String, BTreeMap<String, Case>> = serde_json::from_slice(&index).unwrap();
    agents.into_values().next().unwrap()
}

/// The folder in which `tests/clients/setup.sh autobahn` installs kosoku.
fn tools() -> PathBuf {
    // <target>/<profile>/deps/<test>
    env::current_exe().unwrap().ancestors().nth(3).unwrap().join("clients")
}
