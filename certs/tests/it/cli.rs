//! The program `trunkline-certs`: flags, environment, exit status, and one line of complaint.

use std::{
    path::Path,
    process::{Command, Output},
};

use trunkline_certs::Role;

use crate::cluster::Cluster;

#[test]
fn it_makes_a_ca_and_issues_what_loads() {
    let cluster = Cluster::new();
    let dir = cluster.path("deeper/certs");
    assert_success(&run(&["init", "--dir", text(&dir)]));
    for role in Role::ALL {
        let args = ["issue", "--dir", text(&dir), "--role", role.as_str(), "--name", "one"];
        assert_success(&run(&args));
        assert!(trunkline_certs::Credentials::load(&dir, role, &"one".parse().unwrap()).is_ok());
    }
}

#[test]
fn flags_may_come_from_the_environment() {
    let cluster = Cluster::new();
    let output = program()
        .arg("issue")
        .env("TRUNKLINE_DIR", cluster.dir())
        .env("TRUNKLINE_ROLE", "node")
        .env("TRUNKLINE_NAME", "node-7")
        .output()
        .unwrap();
    assert_success(&output);
    assert!(cluster.load(Role::Node, "node-7").is_ok());
}

#[test]
fn unusable_arguments_and_folders_end_with_2_and_one_line() {
    let cluster = Cluster::new();
    let dir = text(cluster.dir());
    assert_refusal(&["init", "--dir", dir], "ca.pem is already there: issue from the CA in ");
    assert_refusal(&["init"], "--dir <DIR>");
    assert_refusal(&[], "[subcommands: init, issue, help]");
    assert_refusal(
        &["issue", "--dir", dir, "--role", "boss", "--name", "x"],
        r#"'--role <ROLE>': "boss" is not a role: use node, relay, admin or viewer"#,
    );
    assert_refusal(
        &["issue", "--dir", dir, "--role", "node", "--name", "../x"],
        r#"'--name <NAME>': "../x" is not a DNS label"#,
    );
    let empty = cluster.path("empty");
    assert_refusal(
        &["issue", "--dir", text(&empty), "--role", "node", "--name", "x"],
        "empty/ca.pem is missing: copy it from where the cluster's CA was made",
    );
}

#[test]
fn a_folder_that_cannot_be_written_ends_with_1() {
    let cluster = Cluster::new();
    let output = run(&["init", "--dir", text(&cluster.path("ca.pem/below"))]);
    assert_eq!(output.status.code(), Some(1));
    let line = only_line(&output);
    assert!(line.contains("ca.pem/below/ca.pem cannot be written (Not a directory"), "{line}");
}

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

/// The program, deaf to the environment of whoever runs the tests.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline-certs"));
    for flag in ["TRUNKLINE_DIR", "TRUNKLINE_ROLE", "TRUNKLINE_NAME"] {
        command.env_remove(flag);
    }
    command
}

fn assert_success(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

fn assert_refusal(args: &[&str], part: &str) {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    let line = only_line(&output);
    assert!(line.contains(part), "{line}");
}

fn only_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
