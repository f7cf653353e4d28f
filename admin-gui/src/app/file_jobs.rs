use std::{
    env,
    path::PathBuf,
    thread::{self, JoinHandle},
};

use crate::state::{Recording, RecordingError, WindowState, read_recording, write_recording};

/// Recordings being chosen, read and written, each on a thread of its own.
#[derive(Debug, Default)]
pub(super) struct FileJobs(Vec<JoinHandle<FileJobResult>>);

/// The result of one.
#[derive(Debug)]
pub(super) enum FileJobResult {
    /// A recording was saved.
    Saved(Result<PathBuf, RecordingError>),
    /// A recording was opened: the file's name, and what is in it.
    Opened(Result<(String, Box<WindowState>), RecordingError>),
    /// The desktop's dialog was closed, with a file or without.
    Chosen(Option<PathBuf>),
}

impl FileJobs {
    /// Starts to save a recording.
    pub(super) fn save(&mut self, recording: Recording, path: PathBuf) {
        self.0.push(thread::spawn(move || {
            FileJobResult::Saved(write_recording(&recording, &path).map(|()| path))
        }));
    }

    /// Starts to open a recording.
    pub(super) fn open(&mut self, path: PathBuf) {
        self.0.push(thread::spawn(move || {
            let name = path.file_name().unwrap_or_default().display().to_string();
            FileJobResult::Opened(read_recording(&path).map(|state| (name, Box::new(state))))
        }));
    }

    /// Opens the desktop's dialog for a file that is to be written, or read.
    pub(super) fn choose(&mut self, save: bool) {
        self.0.push(thread::spawn(move || {
            let dialog = rfd::FileDialog::new().set_directory(env::home_dir().unwrap_or_default());
            let dialog =
                dialog.add_filter("Recordings", &["jsonl"]).add_filter("All files", &["*"]);
            FileJobResult::Chosen(if save { dialog.save_file() } else { dialog.pick_file() })
        }));
    }

    /// Whether any is running, or has a result that was not taken yet.
    pub(super) fn is_running(&self) -> bool {
        !self.0.is_empty()
    }

    /// Takes the results of those that have ended.
    pub(super) fn take_results(&mut self) -> Vec<FileJobResult> {
        let ended = self.0.extract_if(.., |job| job.is_finished());
        ended.map(|job| job.join().expect("none of them panics")).collect()
    }
}
