//! The progress, in one line of a terminal.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How often the line is redrawn.
const FRAME: Duration = Duration::from_millis(500);

/// Shows the progress until it is dropped. Without a terminal it prints each step once.
pub(crate) struct Progress {
    steps: Option<Sender<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts with this many steps, which take about `seconds` in all.
    pub(crate) fn start(steps: usize, seconds: u64) -> Self {
        let (sender, receiver) = channel();
        let thread = thread::spawn(move || {
            let mut line = Line::new(steps, seconds);
            loop {
                match receiver.recv_timeout(FRAME) {
                    Ok(step) => line.next(step),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return line.clear(),
                }
                line.draw();
            }
        });
        Self { steps: Some(sender), thread: Some(thread) }
    }

    /// Shows the next step.
    pub(crate) fn next(&self, step: String) {
        if let Some(steps) = &self.steps {
            // The thread lives as long as this value.
            let _ = steps.send(step);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.steps = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Line {
    step: String,
    number: usize,
    steps: usize,
    begin: Instant,
    step_begin: Instant,
    seconds: u64,
    terminal: bool,
}

impl Line {
    fn new(steps: usize, seconds: u64) -> Self {
        let (begin, terminal) = (Instant::now(), stderr().is_terminal());
        let step = "starting".to_owned();
        Self { step, number: 0, steps, begin, step_begin: begin, seconds, terminal }
    }

    fn next(&mut self, step: String) {
        (self.step, self.step_begin) = (step, Instant::now());
        self.number += 1;
        if !self.terminal {
            eprintln!("[{}/{}] {}", self.number, self.steps, self.step);
        }
    }

    fn draw(&self) {
        if !self.terminal {
            return;
        }
        let left = self.seconds.saturating_sub(self.begin.elapsed().as_secs());
        let left = match left {
            0 => "nearly done".to_owned(),
            1..60 => "less than a minute left".to_owned(),
            _ => format!("about {} min left", left.div_ceil(60)),
        };
        let (number, steps, step) = (self.number, self.steps, &self.step);
        let since = self.step_begin.elapsed().as_secs();
        self.write(&format!("[{number}/{steps}] {step} · {since} s · {left}"));
    }

    fn clear(&self) {
        if self.terminal {
            self.write("");
        }
    }

    /// Replaces the line. An error means that the terminal is gone.
    fn write(&self, text: &str) {
        let mut terminal = stderr().lock();
        let _ = write!(terminal, "\r\x1b[2K{text}").and_then(|()| terminal.flush());
    }
}
