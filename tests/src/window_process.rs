//! The operator's window on a [`VirtualDisplay`], and its text as a screen reader gets it.

use std::{
    ffi::OsStr,
    fs, io,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

use crate::virtual_display::VirtualDisplay;

/// The window's program.
pub const PROGRAM: &str = "trunkline-admin-gui";

/// How far a cell may be from the middle of its row, in points.
const ROW_TOLERANCE: f64 = 10.0;

/// An open window. Dropping it closes it.
#[derive(Debug)]
pub struct WindowProcess {
    child: Child,
    folder: TempDir,
}

impl WindowProcess {
    /// Starts `program` with these arguments and `--dump`.
    pub fn open<A: AsRef<OsStr>>(
        screen: &VirtualDisplay,
        program: PathBuf,
        arguments: impl IntoIterator<Item = A>,
    ) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.env_clear().env("DISPLAY", screen.display()).env("HOME", folder.path());
        command.args(arguments).arg("--dump").arg(folder.path().join("text.json"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { child, folder })
    }

    /// Its text; empty before it has drawn.
    pub fn text(&self) -> WindowText {
        let said = fs::read(self.folder.path().join("text.json")).ok();
        WindowText(said.and_then(|said| serde_json::from_slice(&said).ok()).unwrap_or_default())
    }

    /// Its status, if it has ended.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes it, and waits until it has ended.
    pub fn close(mut self) -> io::Result<ExitStatus> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait()
    }
}

impl Drop for WindowProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text of a window, in screen reader order.
#[derive(Debug, Default)]
pub struct WindowText(Vec<TextNode>);

/// One text, with its role and position.
#[derive(Debug, Deserialize)]
struct TextNode {
    role: String,
    #[serde(rename = "words")]
    text: String,
    x: f64,
    y: f64,
}

impl WindowText {
    /// Whether one of its texts is `text`.
    pub fn has(&self, text: &str) -> bool {
        self.0.iter().any(|node| node.text == text)
    }

    /// Whether one of its texts contains `text`.
    pub fn mentions(&self, text: &str) -> bool {
        self.0.iter().any(|node| node.text.contains(text))
    }

    /// The value below a label.
    pub fn value(&self, label: &str) -> Option<&str> {
        Some(self.0.get(self.label(label)? + 1)?.text.as_str())
    }

    /// What a screen reader says of the tile with a label: the group's text comes before the label.
    pub fn description(&self, label: &str) -> Option<&str> {
        Some(self.0.get(self.label(label)?.checked_sub(1)?)?.text.as_str())
    }

    fn label(&self, label: &str) -> Option<usize> {
        self.0.iter().position(|node| node.role == "Label" && node.text == label)
    }

    /// The cell of a table in the row of the node `name` and the column `head`.
    pub fn cell(&self, name: &str, head: &str) -> Option<&str> {
        let (start, sorted) = (format!("{name}, "), format!("{head} "));
        let row = self.0.iter().find(|node| node.text == name || node.text.starts_with(&start))?;
        // Tables are below everything else with the same text.
        let mut last = self.0.iter().rev();
        let head = last.find(|node| node.text == head || node.text.starts_with(&sorted))?;
        let cells = self.0.iter().filter(|node| (node.y - row.y).abs() < ROW_TOLERANCE);
        let away = |node: &&TextNode| (node.x - head.x).abs();
        let nearest = cells.min_by(|one, other| away(one).total_cmp(&away(other)));
        nearest.map(|node| node.text.as_str())
    }
}
