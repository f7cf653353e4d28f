//! A screen that nobody looks at: Xvfb, whose picture is read from its frame buffer file.

mod picture;

use std::{
    fs,
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use thiserror::Error;

pub use self::picture::Picture;

/// Why there is no screen, or no picture of it.
#[derive(Debug, Error)]
pub enum ScreenError {
    /// There is no Xvfb.
    #[error("Xvfb cannot be started ({0}): install xvfb")]
    Start(io::Error),
    /// It named no display.
    #[error("Xvfb found no display that is free")]
    NoDisplay,
    /// Its frame buffer cannot be read.
    #[error("the screen's picture cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// An X server without a screen. Ends when dropped.
#[derive(Debug)]
pub struct Screen {
    server: Child,
    frame_buffer: TempDir,
    size: (usize, usize),
    display: String,
}

impl Screen {
    /// Starts one on a display that is free; of it, so much is looked at from the upper left on.
    ///
    /// # Errors
    /// If there is no Xvfb, or it does not start.
    pub fn start(size: (usize, usize)) -> Result<Self, ScreenError> {
        let frame_buffer = tempfile::tempdir()?;
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"]);
        // The pointer stands in the middle: beside what is looked at, so that it points at nothing.
        let width = 2 * size.0 + 2;
        command.arg(format!("{width}x{}x24", size.1)).arg("-fbdir").arg(frame_buffer.path());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().map_err(ScreenError::Start)?;
        let stdout = server.stdout.take();
        let mut screen = Self { server, frame_buffer, size, display: String::new() };
        let mut number = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout).read_line(&mut number)?;
        }
        if number.trim().is_empty() {
            return Err(ScreenError::NoDisplay);
        }
        screen.display = format!(":{}", number.trim());
        Ok(screen)
    }

    /// What DISPLAY must be to draw on it.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// What is on it.
    ///
    /// # Errors
    /// If its frame buffer cannot be read.
    pub fn picture(&self) -> Result<Picture, ScreenError> {
        let bytes = fs::read(self.frame_buffer.path().join("Xvfb_screen0"))?;
        Ok(Picture::of_xwd(&bytes, self.size)?)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
