//! Arguments and files that are not usable give one line that names the flag or file and the remedy.

use std::{
    fs::{self, Permissions},
    net::{TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tempfile::TempDir;
use tokio::{process::Command, time::timeout};
use trunkline_certs::{Role, init, issue};
use trunkline_cli::local_cluster::{LocalCluster, Programs};

use crate::support::SOON;

/// The exit status of arguments or configuration that are not usable.
const UNUSABLE: Option<i32> = Some(2);

/// Certificates for `node-1` and `relay-1`, and the programs to run with them.
pub(crate) struct Fixture {
    cluster: LocalCluster,
    certs: TempDir,
}

/// A program that takes a name, certificates and a Redis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    Node,
    Relay,
}

impl Program {
    pub(crate) const BOTH: [Self; 2] = [Self::Node, Self::Relay];

    fn package(self) -> &'static str {
        match self {
            Self::Node => "trunkline-node",
            Self::Relay => "trunkline-relay",
        }
    }

    /// The folder and name of its certificate.
    fn identity(self) -> (&'static str, &'static str) {
        match self {
            Self::Node => ("node", "node-1"),
            Self::Relay => ("relay", "relay-1"),
        }
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let certs = certificates();
        Self { cluster: LocalCluster::builder().prepare().unwrap(), certs }
    }

    /// A file of the program's certificate.
    fn file(&self, program: Program, ending: &str) -> PathBuf {
        let (folder, name) = program.identity();
        self.certs.path().join(folder).join(format!("{name}.{ending}"))
    }

    /// Valid arguments, with these flags instead.
    pub(crate) fn args(&self, program: Program, instead: &[(&str, &str)]) -> Vec<String> {
        let certs = self.certs.path().to_str().unwrap();
        let mut args = vec![
            ("--name", program.identity().1),
            ("--listen", "127.0.0.1:0"),
            ("--redis", "redis://127.0.0.1:1"),
            ("--certs", certs),
        ];
        if matches!(program, Program::Node) {
            args.push(("--relay", "127.0.0.1:1"));
        }
        args.retain(|(flag, _)| instead.iter().all(|(other, _)| flag != other));
        args.extend(instead);
        // An empty value leaves the flag out.
        args.retain(|(_, value)| !value.is_empty());
        args.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()]).collect()
    }

    pub(crate) fn programs(&self) -> &Programs {
        self.cluster.programs()
    }

    /// The program, without the environment of the test run.
    pub(crate) fn command(&self, program: Program) -> Command {
        let mut command = Command::new(self.programs().path(program.package()));
        command.env_clear().stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Asserts that the program ends at once with one line that contains all of `words`.
    pub(crate) async fn refuses(&self, program: Program, instead: &[(&str, &str)], words: &[&str]) {
        let args = self.args(program, instead);
        let output = run(self.cluster.programs(), program.package(), &args).await;
        refused(&format!("{program:?} {instead:?}"), &output, words);
    }
}

fn certificates() -> TempDir {
    let folder = TempDir::new().unwrap();
    init(folder.path()).unwrap();
    issue(folder.path(), Role::Node, &"node-1".parse().unwrap()).unwrap();
    issue(folder.path(), Role::Relay, &"relay-1".parse().unwrap()).unwrap();
    folder
}

async fn run(programs: &Programs, program: &str, args: &[String]) -> Output {
    let mut command = Command::new(programs.path(program));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(SOON, command.output()).await;
    output.unwrap_or_else(|_| panic!("{program} {args:?} does not end")).unwrap()
}

fn refused(case: &str, output: &Output, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), UNUSABLE, "{case}: {stderr}");
    assert!(output.stdout.is_empty(), "{case}: it printed a ready line");
    assert_eq!(stderr.trim().lines().count(), 1, "{case} must be one line: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{case}: {word:?} is not in {stderr}");
    }
}

#[tokio::test]
async fn invalid_flags_are_rejected() {
    let fixture = Fixture::new();
    for program in Program::BOTH {
        for redis in ["garbage", "http://127.0.0.1:6379", "redis://"] {
            fixture.refuses(program, &[("--redis", redis)], &["--redis"]).await;
        }
        fixture.refuses(program, &[("--listen", "nowhere")], &["--listen"]).await;
        fixture.refuses(program, &[("--ops", "127.0.0.1:99999")], &["--ops"]).await;
        fixture.refuses(program, &[("--name", "Not A Label")], &["--name"]).await;
        fixture.refuses(program, &[("--certs", "")], &["--certs"]).await;
        fixture.refuses(program, &[("--colour", "red")], &["--colour"]).await;
    }
    fixture.refuses(Program::Node, &[("--relay", "nowhere")], &["--relay"]).await;
    fixture.refuses(Program::Node, &[("--capacity", "many")], &["--capacity"]).await;
}

#[tokio::test]
async fn public_node_needs_advertise_and_auth() {
    let fixture = Fixture::new();
    let everywhere = ("--listen", "0.0.0.0:0");
    let advertise = ("--advertise", "ws://node-1.example:9001/ws");
    fixture.refuses(Program::Node, &[everywhere, advertise], &["--auth"]).await;
    fixture.refuses(Program::Node, &[everywhere, ("--auth", "open")], &["--advertise"]).await;
    fixture.refuses(Program::Node, &[("--auth", "jwt")], &["--jwt-secret-file"]).await;
    let missing = ("--jwt-secret-file", "/nowhere/secret");
    fixture.refuses(Program::Node, &[("--auth", "jwt"), missing], &["/nowhere/secret"]).await;
}

#[tokio::test]
async fn unusable_certificate_for_clients_is_named() {
    let fixture = Fixture::new();
    let cert = fixture.certs.path().join("node/node-1.pem").display().to_string();
    let foreign_key = fixture.certs.path().join("relay/relay-1.key").display().to_string();
    let pair = |cert, key| [("--tls-cert", cert), ("--tls-key", key)];
    fixture.refuses(Program::Node, &[("--tls-cert", &cert)], &["--tls-key"]).await;
    fixture
        .refuses(Program::Node, &pair("/nowhere", &foreign_key), &["--tls-cert", "missing"])
        .await;
    let garbage = fixture.certs.path().join("garbage").display().to_string();
    fs::write(&garbage, "garbage").unwrap();
    fs::set_permissions(&garbage, Permissions::from_mode(0o600)).unwrap();
    fixture.refuses(Program::Node, &pair(&cert, &garbage), &["--tls-key", "no private key"]).await;
    let words = ["--tls-key", "is not the key of"];
    fixture.refuses(Program::Node, &pair(&cert, &foreign_key), &words).await;
}

#[tokio::test]
async fn ports_in_use_are_named() {
    let fixture = Fixture::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let held = (tcp.local_addr().unwrap().to_string(), udp.local_addr().unwrap().to_string());
    fixture.refuses(Program::Node, &[("--listen", &held.0)], &["--listen", &held.0]).await;
    fixture.refuses(Program::Relay, &[("--listen", &held.1)], &["--listen", &held.1]).await;
    for program in Program::BOTH {
        fixture.refuses(program, &[("--ops", &held.0)], &["--ops", &held.0]).await;
    }
}

#[tokio::test]
async fn missing_certificates_are_named() {
    let fixture = Fixture::new();
    let empty = TempDir::new().unwrap();
    let folder = empty.path().to_str().unwrap();
    for program in Program::BOTH {
        let words = ["ca.pem", "trunkline-certs init"];
        fixture.refuses(program, &[("--certs", folder)], &words).await;
        fixture
            .refuses(program, &[("--name", "other")], &["other.pem", "trunkline-certs issue"])
            .await;
    }
}

#[tokio::test]
async fn unreadable_keys_are_named() {
    for program in Program::BOTH {
        let fixture = Fixture::new();
        let key = fixture.file(program, "key");
        let name = key.file_name().unwrap().to_str().unwrap().to_owned();
        fs::write(&key, "garbage").unwrap();
        fixture.refuses(program, &[], &[&name, "trunkline-certs issue"]).await;
        // Root can read a file of any mode, but not a folder.
        fs::remove_file(&key).unwrap();
        fs::create_dir(&key).unwrap();
        fixture.refuses(program, &[], &[&name]).await;
    }
}

#[tokio::test]
async fn certificates_of_another_ca_are_rejected() {
    for program in Program::BOTH {
        let (fixture, other) = (Fixture::new(), certificates());
        let certificate = fixture.file(program, "pem");
        let inside = certificate.strip_prefix(fixture.certs.path()).unwrap();
        fs::copy(other.path().join(inside), &certificate).unwrap();
        fs::copy(other.path().join(inside.with_extension("key")), fixture.file(program, "key"))
            .unwrap();
        let name = certificate.file_name().unwrap().to_str().unwrap().to_owned();
        fixture.refuses(program, &[], &[&name, "ca.pem", "trunkline-certs issue"]).await;
    }
}

#[tokio::test]
async fn ca_is_neither_overwritten_nor_created_implicitly() {
    let fixture = Fixture::new();
    let programs = fixture.cluster.programs();
    let certs = |args: &[&str], folder: &Path| {
        let args = args.iter().map(|arg| (*arg).to_owned());
        let folder = ["--dir".to_owned(), folder.display().to_string()];
        args.chain(folder).collect::<Vec<_>>()
    };
    let empty = TempDir::new().unwrap();
    let own = fixture.certs.path();
    let issue = ["issue", "--role", "node", "--name", "node-2"];
    let cases = [
        (certs(&["init"], own), vec!["ca.pem"]),
        (certs(&issue, empty.path()), vec!["ca.pem", "trunkline-certs init"]),
        (certs(&["issue", "--role", "king", "--name", "node-2"], own), vec!["--role"]),
        (certs(&["issue", "--role", "node", "--name", "Not A Label"], own), vec!["--name"]),
        (certs(&["issue", "--role", "node"], own), vec!["--name"]),
    ];
    let before = fs::read(own.join("ca.pem")).unwrap();
    for (args, words) in cases {
        let output = run(programs, "trunkline-certs", &args).await;
        refused(&format!("certs {args:?}"), &output, &words);
    }
    assert_eq!(fs::read(own.join("ca.pem")).unwrap(), before);
}
