//! A virtual display: Xvfb, with screenshots from its frame buffer file, and keys.

mod keyboard;
mod movie;
mod screenshot;

use std::{
    fs,
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use thiserror::Error;

pub use self::{keyboard::KeySymbol, movie::Movie, screenshot::Screenshot};

/// Why there is no display or no screenshot.
#[derive(Debug, Error)]
pub enum VirtualDisplayError {
    /// Xvfb cannot be started.
    #[error("Xvfb cannot be started ({0}): run ./setup.sh")]
    Start(io::Error),
    /// Xvfb found no free display.
    #[error("Xvfb found no free display")]
    NoDisplay,
    /// A key cannot be pressed.
    #[error("a key cannot be pressed: {0}")]
    Key(#[source] io::Error),
    /// Its frame buffer cannot be read.
    #[error("the screenshot cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// A running Xvfb. Dropping it ends it.
#[derive(Debug)]
pub struct VirtualDisplay {
    server: Child,
    frame_buffer: TempDir,
    size: (usize, usize),
    display: String,
}

impl VirtualDisplay {
    /// Starts it on a free display. Screenshots show `size` pixels from the upper left.
    pub fn start(size: (usize, usize)) -> Result<Self, VirtualDisplayError> {
        let frame_buffer = tempfile::tempdir()?;
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"]);
        // The pointer is in the middle of the display, outside of the screenshots.
        let width = 2 * size.0 + 2;
        command.arg(format!("{width}x{}x24", size.1)).arg("-fbdir").arg(frame_buffer.path());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().map_err(VirtualDisplayError::Start)?;
        let stdout = server.stdout.take();
        let mut screen = Self { server, frame_buffer, size, display: String::new() };
        let mut number = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout).read_line(&mut number)?;
        }
        if number.trim().is_empty() {
            return Err(VirtualDisplayError::NoDisplay);
        }
        screen.display = format!(":{}", number.trim());
        Ok(screen)
    }

    /// The value of `DISPLAY` for programs on it.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// Presses a key in the largest window, and releases it.
    pub fn press(&self, key: KeySymbol) -> Result<(), VirtualDisplayError> {
        keyboard::press(&self.display, key).map_err(VirtualDisplayError::Key)
    }

    /// Takes a screenshot.
    pub fn screenshot(&self) -> Result<Screenshot, VirtualDisplayError> {
        let bytes = fs::read(self.frame_buffer.path().join("Xvfb_screen0"))?;
        Ok(Screenshot::of_xwd(&bytes, self.size)?)
    }
}

impl Drop for VirtualDisplay {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
