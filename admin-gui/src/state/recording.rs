use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use serde::Serialize;
use thiserror::Error;
use trunkline_protocol::status::{ClusterEvent, STATUS_VERSION, Snapshot, StatusLine};

use super::window_state::{Greeting, WindowState};
use crate::connection::Update;

/// Why a recording could not be saved or opened.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct RecordingError {
    path: PathBuf,
    problem: RecordingProblem,
}

#[derive(Debug, Error)]
enum RecordingProblem {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("line {line}: not a status line ({source})")]
    Malformed { line: usize, source: serde_json::Error },
    #[error("it holds no snapshot")]
    Empty,
}

impl RecordingProblem {
    fn in_file(self, path: &Path) -> RecordingError {
        RecordingError { path: path.to_owned(), problem: self }
    }
}

/// What a recording holds. Taken out of a [`WindowState`] so that another thread can write it.
#[derive(Debug)]
pub struct Recording {
    greeting: Option<Greeting>,
    snapshots: Vec<Arc<Snapshot>>,
    events: Vec<ClusterEvent>,
}

impl WindowState {
    /// The recording of all that is known. Costs a pointer per snapshot.
    pub fn recording(&self) -> Recording {
        Recording {
            greeting: self.greeting.clone(),
            snapshots: self.history().iter().map(|entry| entry.snapshot.clone()).collect(),
            events: self.events.iter().cloned().collect(),
        }
    }
}

/// Saves a recording: status lines as a relay writes them, one per line, so that the output of
/// `just status`, saved to a file, is a recording too. The file appears whole, or not at all.
pub fn write_recording(recording: &Recording, path: &Path) -> Result<(), RecordingError> {
    let partial = path.with_extension("partial");
    let written = write_lines(recording, &partial).and_then(|()| fs::rename(&partial, path));
    written.map_err(|error| {
        // The first error is the one to report; the file may not even exist.
        let _ = fs::remove_file(&partial);
        RecordingProblem::from(error).in_file(path)
    })
}

/// A snapshot as [`StatusLine::Snapshot`], without a copy of it.
#[derive(Serialize)]
#[serde(tag = "type", rename = "snapshot")]
struct SnapshotLine<'a> {
    #[serde(flatten)]
    snapshot: &'a Snapshot,
}

fn write_lines(recording: &Recording, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    if let Some(Greeting { relay, .. }) = &recording.greeting {
        let hello =
            StatusLine::Hello { version: STATUS_VERSION, relay: relay.clone(), may_act: false };
        write_line(&mut file, &hello)?;
    }
    let mut events = recording.events.iter().peekable();
    for snapshot in &recording.snapshots {
        while let Some(event) = events.next_if(|event| event.at_ms <= snapshot.at_ms) {
            write_line(&mut file, &StatusLine::Event(event.clone()))?;
        }
        write_line(&mut file, &SnapshotLine { snapshot })?;
    }
    for event in events {
        write_line(&mut file, &StatusLine::Event(event.clone()))?;
    }
    file.flush()
}

fn write_line(file: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

/// Opens a recording.
///
/// # Errors
/// If the file cannot be read, a line is not a status line, or none is a snapshot.
pub fn read_recording(path: &Path) -> Result<WindowState, RecordingError> {
    read_lines(path).map_err(|problem| problem.in_file(path))
}

fn read_lines(path: &Path) -> Result<WindowState, RecordingProblem> {
    let (mut state, now) = (WindowState::default(), Instant::now());
    for (index, text) in BufReader::new(File::open(path)?).lines().enumerate() {
        let line = serde_json::from_str(&text?)
            .map_err(|source| RecordingProblem::Malformed { line: index + 1, source })?;
        state.apply(Update::Line(line), now);
    }
    if state.history().is_empty() { Err(RecordingProblem::Empty) } else { Ok(state) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::{Cluster, hello, line};

    #[test]
    fn opened_recording_equals_what_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saved.jsonl");
        let (mut state, now) = (WindowState::default(), Instant::now());
        let mut cluster = Cluster::of(2);
        let [dead, cleaned] = cluster.kill(1);
        let lines = [line(cluster.step(500)), StatusLine::Event(dead), line(cluster.step(500))];
        for line in [hello(true)].into_iter().chain(lines).chain([StatusLine::Event(cleaned)]) {
            state.apply(Update::Line(line), now);
        }
        write_recording(&state.recording(), &path).unwrap();
        assert!(!path.with_extension("partial").exists());
        let mut opened = read_recording(&path).unwrap();
        assert!(opened.events.iter().eq(state.events.iter()));
        assert_eq!(opened.history().len(), 2);
        assert_eq!(opened.latest().unwrap().snapshot, state.latest().unwrap().snapshot);
        assert!(!opened.may_act(), "nobody answers commands in a recording");
    }

    #[test]
    fn malformed_line_is_named_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.jsonl");
        fs::write(&path, "{\"type\":\"later\"}\nnot JSON\n").unwrap();
        let error = read_recording(&path).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        fs::write(&path, "{\"type\":\"later\"}\n").unwrap();
        let error = read_recording(&path).unwrap_err();
        assert!(error.to_string().contains("no snapshot"), "{error}");
    }
}
