//! The operator's window as whoever has it read out knows it: started on a [`Screen`], and asked
//! what it says.

use std::{
    ffi::OsStr,
    fs, io,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

use crate::screen::Screen;

/// The window's program and package.
pub const PROGRAM: &str = "trunkline-admin-gui";

/// How far from the middle of its row a cell may lie, in points.
const ROW: f64 = 10.0;

/// A window that is open. Closed when dropped.
#[derive(Debug)]
pub struct Window {
    child: Child,
    folder: TempDir,
}

impl Window {
    /// Opens the window that `command` starts, which takes `--dump`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn open<A: AsRef<OsStr>>(
        screen: &Screen,
        program: PathBuf,
        arguments: impl IntoIterator<Item = A>,
    ) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.env_clear().env("DISPLAY", screen.display()).env("HOME", folder.path());
        command.args(arguments).arg("--dump").arg(folder.path().join("said.json"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { child, folder })
    }

    /// What it says now: nothing before it has drawn.
    pub fn says(&self) -> Says {
        let said = fs::read(self.folder.path().join("said.json")).ok();
        Says(said.and_then(|said| serde_json::from_slice(&said).ok()).unwrap_or_default())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// If that cannot be known.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to close, and waits until it has.
    ///
    /// # Errors
    /// If that cannot be known.
    pub fn close(mut self) -> io::Result<ExitStatus> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a window says, in the order in which it is read out.
#[derive(Debug, Default)]
pub struct Says(Vec<Said>);

/// Something that it says.
#[derive(Debug, Deserialize)]
struct Said {
    role: String,
    words: String,
    x: f64,
    y: f64,
}

impl Says {
    /// Whether it says just this.
    pub fn has(&self, words: &str) -> bool {
        self.0.iter().any(|said| said.words == words)
    }

    /// Whether it says something with these words in it.
    pub fn mentions(&self, words: &str) -> bool {
        self.0.iter().any(|said| said.words.contains(words))
    }

    /// What stands beneath a label: the figure first, then what it is made of.
    pub fn figure(&self, label: &str) -> Option<&str> {
        self.beneath(label, 1)
    }

    /// The line beneath the figure beneath a label.
    pub fn detail(&self, label: &str) -> Option<&str> {
        self.beneath(label, 2)
    }

    fn beneath(&self, label: &str, lines: usize) -> Option<&str> {
        let at = self.0.iter().position(|said| said.role == "Label" && said.words == label)?;
        self.0.get(at + lines).map(|said| said.words.as_str())
    }

    /// What a table says of a node under a head.
    pub fn cell(&self, node: &str, head: &str) -> Option<&str> {
        let (start, sorted) = (format!("{node}, "), format!("{head} "));
        let row =
            self.0.iter().find(|said| said.words == node || said.words.starts_with(&start))?;
        // Tables stand beneath everything else that may have the same words.
        let mut last = self.0.iter().rev();
        let head = last.find(|said| said.words == head || said.words.starts_with(&sorted))?;
        let cells = self.0.iter().filter(|said| (said.y - row.y).abs() < ROW);
        let away = |said: &&Said| (said.x - head.x).abs();
        let nearest = cells.min_by(|one, other| away(one).total_cmp(&away(other)));
        nearest.map(|said| said.words.as_str())
    }
}
