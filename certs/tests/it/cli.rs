//! The program `trunkline-certs`: flags, environment, exit status, and one-line errors.

use std::{
    path::Path,
    process::{Command, Output},
};

use trunkline_certs::Role;

use crate::folder::CertsFolder;

#[test]
fn issued_certificates_load() {
    let folder = CertsFolder::new();
    let dir = folder.path("deeper/certs");
    assert_success(&run(&["init", "--dir", text(&dir)]));
    for role in Role::ALL {
        let args = ["issue", "--dir", text(&dir), "--role", role.as_str(), "--name", "one"];
        assert_success(&run(&args));
        assert!(trunkline_certs::Credentials::load(&dir, role, &"one".parse().unwrap()).is_ok());
    }
}

#[test]
fn environment_replaces_flags() {
    let folder = CertsFolder::new();
    let output = program()
        .arg("issue")
        .env("TRUNKLINE_DIR", folder.dir())
        .env("TRUNKLINE_ROLE", "node")
        .env("TRUNKLINE_NAME", "node-7")
        .output()
        .unwrap();
    assert_success(&output);
    assert!(folder.load(Role::Node, "node-7").is_ok());
}

#[test]
fn unusable_input_exits_with_2_and_one_line() {
    let folder = CertsFolder::new();
    let dir = text(folder.dir());
    assert_unusable(&["init", "--dir", dir], "ca.pem is already there: issue from the CA in ");
    assert_unusable(&["init"], "--dir <DIR>");
    assert_unusable(&[], "[subcommands: init, issue, revoke, help]");
    assert_unusable(
        &["issue", "--dir", dir, "--role", "boss", "--name", "x"],
        r#"'--role <ROLE>': "boss" is not a role: use node, relay, admin or viewer"#,
    );
    assert_unusable(
        &["issue", "--dir", dir, "--role", "node", "--name", "../x"],
        r#"'--name <NAME>': "../x" is not a DNS label"#,
    );
    let empty = folder.path("empty");
    assert_unusable(
        &["issue", "--dir", text(&empty), "--role", "node", "--name", "x"],
        "empty/ca.pem is missing: copy it from where the cluster's CA was made",
    );
}

#[test]
fn unwritable_folder_exits_with_1() {
    let folder = CertsFolder::new();
    let output = run(&["init", "--dir", text(&folder.path("ca.pem/below"))]);
    assert_eq!(output.status.code(), Some(1));
    let line = only_line(&output);
    assert!(line.contains("ca.pem/below/ca.pem cannot be written (Not a directory"), "{line}");
}

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

/// The program, without the variables of the test's own environment.
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

fn assert_unusable(args: &[&str], part: &str) {
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
