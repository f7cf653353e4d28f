//! Files that are read again when they change.

use std::{
    convert::Infallible, fs, os::unix::fs::MetadataExt, panic::resume_unwind, path::PathBuf,
    sync::Arc, time::Duration,
};

use tokio::{task, time};

/// What changes when a file is written or replaced: its inode, size, and time of modification.
type Stamp = Option<(u64, u64, i64, i64)>;

/// Files, and what they were like at the last look.
#[derive(Debug)]
pub struct WatchedFiles {
    files: Vec<PathBuf>,
    stamps: Vec<Stamp>,
}

impl WatchedFiles {
    /// Watches these files from now on.
    pub fn new(files: Vec<PathBuf>) -> Self {
        let mut watched = Self { files, stamps: Vec::new() };
        watched.have_changed();
        watched
    }

    /// Calls `changed` whenever one of the files has changed; looks at them at this interval, on a
    /// thread that may block. Never ends.
    ///
    /// # Panics
    /// If `changed` does.
    pub async fn watch(
        mut self,
        every: Duration,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Infallible {
        let changed = Arc::new(changed);
        loop {
            time::sleep(every).await;
            let changed = changed.clone();
            let looked = task::spawn_blocking(move || {
                if self.have_changed() {
                    changed();
                }
                self
            });
            self = looked.await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
        }
    }

    /// Whether one of the files has changed since the last call. A file that is missing has not
    /// changed until it is there again: whoever replaces it is at work.
    ///
    /// This asks the file system, and may block.
    pub fn have_changed(&mut self) -> bool {
        let mut stamps: Vec<_> = self.files.iter().map(stamp).collect();
        for (new, old) in stamps.iter_mut().zip(&self.stamps) {
            *new = new.or(*old);
        }
        let changed = stamps != self.stamps;
        self.stamps = stamps;
        changed
    }
}

/// Follows symbolic links: certificates are often replaced by changing one.
fn stamp(file: &PathBuf) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_replaced_files_have_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "1").unwrap();
        let mut watched = WatchedFiles::new(vec![path("a"), path("later")]);
        assert!(!watched.have_changed());
        fs::write(path("a"), "22").unwrap();
        assert!(watched.have_changed() && !watched.have_changed());
        fs::write(path("new"), "33").unwrap();
        fs::rename(path("new"), path("a")).unwrap();
        assert!(watched.have_changed() && !watched.have_changed());
        fs::remove_file(path("a")).unwrap();
        assert!(!watched.have_changed());
        fs::write(path("later"), "").unwrap();
        assert!(watched.have_changed());
    }
}
