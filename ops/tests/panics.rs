//! A panic anywhere in a program ends it with status 1, unless it is contained.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    env,
    process::{Command, Output},
    thread,
};

use trunkline_ops::{contain, log_to_stderr};

/// Tells a process that a test starts which program to play.
const ROLE: &str = "TRUNKLINE_PANIC_ROLE";

/// Runs this test executable again, as a program.
fn program(role: &str) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["plays_a_program", "--exact", "--nocapture"]).env(ROLE, role);
    command.output().unwrap()
}

#[test]
fn plays_a_program() {
    let Ok(role) = env::var(ROLE) else { return };
    let log = log_to_stderr();
    match role.as_str() {
        "thread" => {
            let worker = thread::spawn(|| panic!("a worker is gone"));
            let _ = worker.join();
            thread::park();
        }
        "task" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                tokio::spawn(async { panic!("a task is gone") });
                std::future::pending::<()>().await;
            });
        }
        _ => assert!(contain(|| panic!("one client's input")).is_err()),
    }
    drop(log);
}

#[test]
fn panic_in_a_thread_or_task_ends_the_process() {
    for (role, words) in [("thread", "a worker is gone"), ("task", "a task is gone")] {
        let output = program(role);
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{role}: {log}");
        assert!(log.contains(words) && log.contains("ending after a panic"), "{role}: {log}");
    }
}

#[test]
fn contained_panic_is_logged_and_the_process_survives() {
    let output = program("contained");
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("one client's input") && !log.contains("ending after"), "{log}");
}
