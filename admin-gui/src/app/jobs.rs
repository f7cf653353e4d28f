use std::{
    path::PathBuf,
    thread::{self, JoinHandle},
};

use crate::state::{RecordingError, State, Tape, read, write};

/// Files being read and written, each on a thread of its own.
#[derive(Debug, Default)]
pub(super) struct Jobs(Vec<JoinHandle<Done>>);

/// What came of one.
#[derive(Debug)]
pub(super) enum Done {
    /// A recording was saved.
    Saved(Result<PathBuf, RecordingError>),
    /// A recording was opened: the file's name, and what is in it.
    Opened(Result<(String, Box<State>), RecordingError>),
}

impl Jobs {
    /// Begins to save a recording.
    pub(super) fn save(&mut self, tape: Tape, path: PathBuf) {
        self.0.push(thread::spawn(move || Done::Saved(write(&tape, &path).map(|()| path))));
    }

    /// Begins to open a recording.
    pub(super) fn open(&mut self, path: PathBuf) {
        self.0.push(thread::spawn(move || {
            let name = path.file_name().unwrap_or_default().display().to_string();
            Done::Opened(read(&path).map(|state| (name, Box::new(state))))
        }));
    }

    /// Whether one has not been heard of yet.
    pub(super) fn running(&self) -> bool {
        !self.0.is_empty()
    }

    /// Those that have come to their end.
    pub(super) fn done(&mut self) -> Vec<Done> {
        let finished = self.0.extract_if(.., |job| job.is_finished());
        finished.map(|job| job.join().expect("reading and writing do not panic")).collect()
    }
}
