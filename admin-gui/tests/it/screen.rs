//! A screen that nobody looks at: Xvfb, whose picture is read from its frame buffer file.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// The screen's size.
const SIZE: (usize, usize) = (1280, 800);

/// An X server without a screen. Ends when dropped.
pub(crate) struct Screen {
    server: Child,
    frame_buffer: TempDir,
    /// What DISPLAY must be to draw on it.
    pub(crate) display: String,
}

impl Screen {
    /// Starts one on a display that is free.
    pub(crate) fn start() -> Self {
        let frame_buffer = tempfile::tempdir().unwrap();
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{}x{}x24", SIZE.0, SIZE.1))
            .arg("-fbdir")
            .arg(frame_buffer.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is needed to test the window: install xvfb");
        let mut number = String::new();
        let stdout = server.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut number).unwrap();
        Self { server, frame_buffer, display: format!(":{}", number.trim()) }
    }

    /// How many pixels have which colour, the most frequent first.
    pub(crate) fn colors(&self) -> Vec<(u32, usize)> {
        let mut counts = HashMap::new();
        for pixel in self.pixels() {
            *counts.entry(pixel).or_insert(0) += 1;
        }
        let mut colors: Vec<_> = counts.into_iter().collect();
        colors.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        colors
    }

    /// The picture, 32 bits a pixel. The file is an XWD: a header whose first word is its own
    /// length, twelve bytes for each colour of the map that the twentieth word counts, the pixels.
    fn pixels(&self) -> Vec<u32> {
        let path: PathBuf = self.frame_buffer.path().join("Xvfb_screen0");
        let bytes = fs::read(path).unwrap();
        let word = |at: usize| u32::from_be_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap());
        let start = word(0) as usize + 12 * word(19) as usize;
        let pixels = bytes[start..start + 4 * SIZE.0 * SIZE.1].chunks_exact(4);
        pixels.map(|pixel| u32::from_le_bytes(pixel.try_into().unwrap()) & 0xff_ffff).collect()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
