//! One child process, in a process group of its own, with its log in a file.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::ClusterError;
use crate::defaults::{LOG_TAIL_LINES, POLL_INTERVAL, START_TIMEOUT, STOP_TIMEOUT};

/// How long a killed child may take to be reaped when its owner is dropped.
const REAP_TIMEOUT: Duration = Duration::from_secs(2);

/// A process, distinct from every other that had or will have the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its pid.
    pub pid: i32,
    /// Its start time, in the kernel's clock ticks since boot.
    pub started: u64,
}

impl ProcessId {
    /// The process that has `pid` now, if there is one.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the command in brackets, and may itself contain anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let started = fields.split_ascii_whitespace().nth(19)?.parse().ok()?;
        Some(Self { pid, started })
    }

    /// Whether this very process still runs.
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Kills it, if it still runs.
    pub fn kill(self) {
        if self.is_alive()
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            // It may have ended since.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// How a process ended, as a predicate for its name: `was killed (SIGKILL)`.
pub fn describe_exit(status: ExitStatus) -> String {
    let text = status.to_string();
    // The standard library writes `signal: 9 (SIGKILL)`, perhaps with more behind.
    let name = text.split_once('(').and_then(|(_, rest)| rest.split(')').next());
    match (status.code(), name) {
        (Some(0), _) => "stopped cleanly".to_owned(),
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(name)) => format!("was killed ({name})"),
        (None, None) => format!("was killed ({text})"),
    }
}

/// A running child. It gets SIGKILL when this is dropped, and when this process dies in any way.
#[derive(Debug)]
pub struct Process {
    child: Child,
    id: ProcessId,
    /// Kept open without a reader: if it were closed, the child's next write would fail.
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Process {
    /// Starts `program`, whose standard error goes to the end of `log`.
    ///
    /// The kernel kills the child when the *thread* that starts it ends: start it from one that
    /// outlives it, such as the one that a runtime blocks.
    pub fn spawn(program: &Path, args: &[String], log: &Path) -> Result<Self, ClusterError> {
        let failed = |source| ClusterError::Spawn { program: program.to_owned(), source };
        let stderr = File::options().create(true).append(true).open(log).map_err(failed)?;
        let mut child = tied_to_us(program);
        // `args` alone configures it.
        let settings = env::vars_os().map(|(name, _)| name);
        for name in settings.filter(|name| name.as_encoded_bytes().starts_with(b"TRUNKLINE_")) {
            child.env_remove(name);
        }
        child.args(args).process_group(0).kill_on_drop(true);
        child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = child.spawn().map_err(failed)?;
        let pid = child.id().map_or(0, u32::cast_signed);
        let id = ProcessId::of(pid).unwrap_or(ProcessId { pid, started: 0 });
        let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        Ok(Self { child, id, lines })
    }

    /// Its id.
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Waits for the line `ready <name> <address>`, and returns the address.
    pub(crate) async fn ready_line(
        &mut self,
        name: &str,
        log: &Path,
    ) -> Result<String, ClusterError> {
        let Some(lines) = &mut self.lines else { return Ok(String::new()) };
        let line = timeout(START_TIMEOUT, lines.next_line()).await;
        let not_ready =
            |why: String| ClusterError::NotReady { name: name.to_owned(), why, log: tail(log) };
        match line {
            Err(_) => Err(not_ready(format!("printed no ready line in {START_TIMEOUT:?}"))),
            Ok(Err(error)) => Err(not_ready(error.to_string())),
            Ok(Ok(None)) => {
                let status = self.exited().await.map_err(ClusterError::Wait)?;
                Err(not_ready(format!("ended with {status}")))
            }
            Ok(Ok(Some(line))) => match line.strip_prefix(&format!("ready {name} ")) {
                Some(address) => Ok(address.to_owned()),
                None => Err(not_ready(format!("printed {line:?} instead of a ready line"))),
            },
        }
    }

    /// Waits until it has ended. Cancel-safe.
    pub async fn exited(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// How it ended, if it has.
    pub(crate) fn try_exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends it a signal, unless it has ended.
    pub(crate) fn signal(&mut self, signal: Signal) {
        // The pid of a reaped child may belong to another process by now.
        if self.try_exited().is_none()
            && let Some(pid) = Pid::from_raw(self.id.pid)
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// Sends SIGTERM. A paused process gets it only with SIGCONT.
    pub(crate) fn request_stop(&mut self) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
    }

    /// Sends SIGTERM, and SIGKILL after [`STOP_TIMEOUT`].
    pub(crate) async fn terminate(&mut self) -> io::Result<ExitStatus> {
        self.request_stop();
        if let Ok(status) = timeout(STOP_TIMEOUT, self.exited()).await {
            return status;
        }
        self.signal(Signal::KILL);
        self.exited().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let deadline = Instant::now() + REAP_TIMEOUT;
        while self.try_exited().is_none() && Instant::now() < deadline {
            thread::sleep(POLL_INTERVAL / 10);
        }
    }
}

/// `program`, killed by the kernel when this process ends: `setpriv` of util-linux asks for that and
/// becomes the program. Without `setpriv`, only [`Drop`] kills it.
fn tied_to_us(program: &Path) -> Command {
    let Some(setpriv) = in_path("setpriv") else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The path of a program of the system.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The last lines of a log.
pub(super) fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}
