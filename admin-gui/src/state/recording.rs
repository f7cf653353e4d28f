use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use serde::Serialize;
use thiserror::Error;
use trunkline_protocol::status::{ClusterEvent, Snapshot, StatusLine};

use super::{Greeting, State};
use crate::connection::Update;

/// Why a recording could not be saved or opened.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{}, line {line}: not a status line ({source})", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line of it, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file holds status lines, and no picture of a cluster.
    #[error("{}: there is no snapshot in it", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
}

/// All that a recording holds, taken out of a [`State`] so that it can be written elsewhere.
#[derive(Debug)]
pub struct Tape {
    greeting: Option<Greeting>,
    snapshots: Vec<Arc<Snapshot>>,
    events: Vec<ClusterEvent>,
}

impl State {
    /// What there is to save. Costs a pointer for each snapshot.
    pub fn tape(&self) -> Tape {
        Tape {
            greeting: self.greeting.clone(),
            snapshots: self.history.iter().map(|kept| kept.snapshot.clone()).collect(),
            events: self.events.iter().cloned().collect(),
        }
    }
}

/// Saves a recording: status lines as a relay writes them, one a line, so that what
/// `just status` printed into a file is one too. The file appears whole, or not at all.
pub fn write(tape: &Tape, path: &Path) -> Result<(), RecordingError> {
    let partial = path.with_extension("partial");
    let written = write_lines(tape, &partial).and_then(|()| fs::rename(&partial, path));
    written.map_err(|source| {
        // What is left of it is of no use, and may not even be there.
        let _ = fs::remove_file(&partial);
        RecordingError::File { path: path.to_owned(), source }
    })
}

/// A snapshot as [`StatusLine::Snapshot`], without a copy of it.
#[derive(Serialize)]
#[serde(tag = "type", rename = "snapshot")]
struct SnapshotLine<'a> {
    #[serde(flatten)]
    snapshot: &'a Snapshot,
}

fn write_lines(tape: &Tape, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    if let Some(Greeting { relay, .. }) = &tape.greeting {
        let version = trunkline_protocol::status::STATUS_VERSION;
        let hello = StatusLine::Hello { version, relay: relay.clone(), may_act: false };
        write_line(&mut file, &hello)?;
    }
    let mut events = tape.events.iter().peekable();
    for snapshot in &tape.snapshots {
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
/// If the file cannot be read, a line of it is no status line, or it shows no cluster.
pub fn read(path: &Path) -> Result<State, RecordingError> {
    let broken = |source| RecordingError::File { path: path.to_owned(), source };
    let file = BufReader::new(File::open(path).map_err(broken)?);
    let (mut state, now) = (State::default(), Instant::now());
    for (at, text) in file.lines().enumerate() {
        let line = serde_json::from_str(&text.map_err(broken)?).map_err(|source| {
            RecordingError::Malformed { path: path.to_owned(), line: at + 1, source }
        })?;
        state.apply(Update::Line(line), now);
    }
    if state.history.is_empty() {
        return Err(RecordingError::Empty { path: path.to_owned() });
    }
    Ok(state)
}
