//! What a process says on standard output and standard error. Saying it neither waits for whoever
//! reads it, nor fails.

use std::{os::fd::BorrowedFd, sync::Once, thread};

use rustix::stdio::{stderr, stdout};

use crate::{defaults::LOG_FLUSH_WITHIN, line_queue::LineQueue};

static STDERR: Stream = Stream { lines: LineQueue::new(), started: Once::new() };

static STDOUT: Stream = Stream { lines: LineQueue::new(), started: Once::new() };

/// One of the process's output streams, with a writer thread from its first line on.
struct Stream {
    lines: LineQueue,
    started: Once,
}

impl Stream {
    fn push(&'static self, name: &str, output: BorrowedFd<'static>, text: &[u8]) {
        self.started.call_once(|| {
            let writer = thread::Builder::new().name(name.to_owned());
            // A process that cannot have one more thread says nothing; it has other worries.
            let _ = writer.spawn(move || self.lines.write_to(output));
        });
        self.lines.push(text);
    }
}

/// How many lines standard error did not take so far.
pub fn log_lines_dropped() -> u64 {
    STDERR.lines.dropped()
}

/// Writes whole lines to standard output, for whoever looks at a program that goes on whether they
/// do or not: like the log, this neither waits nor fails. [`flush_output`] belongs at the end.
pub fn tell(lines: &str) {
    STDOUT.push("stdout", stdout(), lines.as_bytes());
}

/// Waits, for a moment, until what was said on standard output and standard error is written.
pub fn flush_output() {
    STDOUT.lines.flush(LOG_FLUSH_WITHIN);
    STDERR.lines.flush(LOG_FLUSH_WITHIN);
}

/// Says one thing on standard error, outside the log.
pub(crate) fn say(line: &str) {
    log_line(format!("{line}\n").as_bytes());
    flush_output();
}

/// Adds whole lines to the log.
pub(crate) fn log_line(line: &[u8]) {
    STDERR.push("log", stderr(), line);
}
