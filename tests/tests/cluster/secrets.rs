//! No program prints a secret.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

use rustix::process::Signal;
use tokio::{process::Command, time::timeout};
use trunkline_cli::local_cluster::{Programs, RELAY};

use crate::{
    child_process::{command, log_until, only_redis, ready_line, signal},
    invalid_arguments::{Fixture, Program},
    support::SOON,
};

const SECRET: &str = "hunter2";

/// Redis URLs with a password, good and bad ones.
const URLS: [&str; 10] = [
    "redis://alice:hunter2@127.0.0.1:1",
    "redis://:hunter2@no-such-host.invalid:6379/0",
    "redis//alice:hunter2@127.0.0.1",
    "alice:hunter2@127.0.0.1:6379",
    "redis://alice:hunter2@127.0.0.1:port",
    "redis://alice:hunter2@127.0.0.1/zero",
    "redis://alice:hunter2@",
    "rediss://alice:hunter2@127.0.0.1",
    "http://alice:hunter2@127.0.0.1",
    "unix:///run/redis.sock?db=x&pass=hunter2",
];

/// Runs it for a moment: one that serves, and is not meant to, is killed.
async fn output_of(mut command: Command) -> String {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let stderr = child.stderr.take().unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    let read = async {
        use tokio::io::AsyncReadExt;
        let (mut stdout, mut stderr) = (stdout, stderr);
        tokio::try_join!(stdout.read_to_string(&mut out), stderr.read_to_string(&mut err))
    };
    let killed_late = async {
        // What it says of a Redis that it cannot reach, it says at once.
        let ended = timeout(std::time::Duration::from_secs(2), child.wait()).await;
        if ended.is_err() {
            child.kill().await.unwrap();
        }
    };
    let (read, ()) = timeout(SOON, async { tokio::join!(read, killed_late) }).await.unwrap();
    read.unwrap();
    out + &err
}

#[tokio::test]
async fn password_in_the_environment_is_in_no_help_and_no_error() {
    let fixture = Fixture::new();
    for program in Program::BOTH {
        for url in URLS {
            let wrong: [&[(&str, &str)]; 4] = [
                &[],
                &[("--name", "other")],
                &[("--listen", "nowhere")],
                &[("--certs", "/nowhere")],
            ];
            for instead in wrong {
                // Without --redis, the variable counts.
                let args = fixture.args(program, &[instead, &[("--redis", "")]].concat());
                let mut command = fixture.command(program);
                command.args(args).env("TRUNKLINE_REDIS", url).env("TRUNKLINE_LOG", "trace");
                let output = output_of(command).await;
                assert!(
                    !output.is_empty() && !output.contains(SECRET),
                    "{program:?} {url}: {output}"
                );
            }
        }
        let mut command = fixture.command(program);
        command.arg("--help").env("TRUNKLINE_REDIS", URLS[0]).env("TRUNKLINE_NAME", SECRET);
        let output = output_of(command).await;
        assert!(output.contains("TRUNKLINE_REDIS") && !output.contains(SECRET), "{output}");
    }
}

#[tokio::test]
async fn password_in_a_wrong_argument_is_not_printed() {
    let fixture = Fixture::new();
    let url = URLS[0];
    for program in Program::BOTH {
        let flags =
            ["--name", "--listen", "--ops", "--certs", "--redis-prefix", "--redis", "--bogus"];
        let more = ["--relay", "--advertise", "--capacity", "--auth", "--jwt-secret-file"];
        let more = more.iter().filter(|_| matches!(program, Program::Node));
        for flag in flags.iter().chain(more) {
            for value in [url, "alice:hunter2@host:7400", "ws://alice:hunter2@host/ws"] {
                let args = fixture.args(program, &[(flag, value)]);
                let mut command = fixture.command(program);
                command.args(args).env("TRUNKLINE_AUTH", "jwt");
                let output = output_of(command).await;
                assert!(
                    !output.is_empty() && !output.contains(SECRET),
                    "{program:?} {flag} {value}: {output}"
                );
            }
        }
    }
}

#[tokio::test]
async fn certs_and_cli_print_no_password() {
    let programs = Programs::built(&["trunkline-certs", "trunkline"]).unwrap();
    let (certs, cli) = (programs.path("trunkline-certs"), programs.path("trunkline"));
    for (program, args) in [
        (certs.as_path(), ["issue", "--help"]),
        (certs.as_path(), ["issue", URLS[0]]),
        (certs.as_path(), [URLS[0], "--help"]),
        (cli.as_path(), ["up", "--help"]),
        (cli.as_path(), ["up", URLS[0]]),
        (cli.as_path(), [URLS[0], "--help"]),
    ] {
        let mut command = Command::new(program);
        command.args(args).env("TRUNKLINE_REDIS", URLS[0]).env("TRUNKLINE_DIR", URLS[0]);
        let output = output_of(command).await;
        assert!(!output.is_empty() && !output.contains(SECRET), "{program:?} {args:?}: {output}");
    }
}

#[tokio::test]
async fn key_or_secret_readable_by_others_gives_one_warning() {
    let cluster = only_redis(1).await;
    let secret = cluster.certs().join("secret");
    fs::write(&secret, "\u{feff}something that is hard to guess\r\n").unwrap();
    for (name, file, args) in [
        ("node-1", cluster.certs().join("node/node-1.key"), [].as_slice()),
        (RELAY, cluster.certs().join("relay/relay-1.key"), &[]),
        ("node-1", secret.clone(), &["--auth", "jwt", "--jwt-secret-file"]),
    ] {
        for (mode, warnings) in [(0o600, 0), (0o640, 1), (0o644, 1)] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let mut command = command(&cluster, name, "");
            command.args(args).args((!args.is_empty()).then_some(&secret));
            let mut child = command.spawn().unwrap();
            ready_line(&mut child).await;
            signal(&child, Signal::TERM);
            let log = log_until(&mut child, "asked to stop").await;
            // Its addresses are the next one's.
            child.kill().await.unwrap();
            let remedy = format!("chmod 600 {}", file.display());
            let warned = log.iter().filter(|line| line.contains(&remedy)).count();
            assert_eq!(warned, warnings, "{file:?} {mode:o}: {log:?}");
        }
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    }
}
