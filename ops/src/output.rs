//! Standard output and standard error, without waiting for the reader and without errors.

use std::{os::fd::BorrowedFd, sync::Once, thread};

use rustix::stdio::{stderr, stdout};

use crate::{defaults::LOG_FLUSH_WITHIN, line_queue::LineQueue};

static STDERR: OutputStream = OutputStream { lines: LineQueue::new(), started: Once::new() };

static STDOUT: OutputStream = OutputStream { lines: LineQueue::new(), started: Once::new() };

/// An output stream. Its first line starts its writer thread.
struct OutputStream {
    lines: LineQueue,
    started: Once,
}

impl OutputStream {
    fn push(&'static self, name: &str, output: BorrowedFd<'static>, text: &[u8]) {
        self.started.call_once(|| {
            let writer = thread::Builder::new().name(name.to_owned());
            // Without a thread there is no output: the queue fills up, and lines are dropped.
            let _ = writer.spawn(move || self.lines.write_to(output));
        });
        self.lines.push(text);
    }
}

/// How many lines of standard error were dropped since the start.
pub(crate) fn log_lines_dropped() -> u64 {
    STDERR.lines.dropped()
}

/// Prints complete lines on standard output. Like the log, this neither waits for the reader nor
/// fails. Call [`flush_output`] before the process ends.
pub fn print_lines(lines: &str) {
    STDOUT.push("stdout", stdout(), lines.as_bytes());
}

/// Waits briefly until all lines for standard output and standard error are written.
pub fn flush_output() {
    STDOUT.lines.flush(LOG_FLUSH_WITHIN);
    STDERR.lines.flush(LOG_FLUSH_WITHIN);
}

/// Prints one line on standard error, outside the log.
pub(crate) fn print_error(line: &str) {
    log_line(format!("{line}\n").as_bytes());
    flush_output();
}

/// Adds complete lines to the log.
pub(crate) fn log_line(line: &[u8]) {
    STDERR.push("log", stderr(), line);
}
