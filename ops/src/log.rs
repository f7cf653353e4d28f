//! The log: written to standard error by a thread of its own, so that whatever reads it, or does
//! not, costs the program nothing but lines.

use std::{env, io, io::IsTerminal as _, os::fd::BorrowedFd, sync::Once, thread};

use rustix::stdio::{stderr, stdout};
use tracing::warn;
use tracing_subscriber::EnvFilter;

use crate::{defaults::LOG_FLUSH_WITHIN, line_queue::LineQueue, panics::end_process_on_panic};

/// The environment variable that says what is logged, as in `debug` or `trunkline_node=debug`.
const LOG_VARIABLE: &str = "TRUNKLINE_LOG";

/// What is logged where the variable says nothing.
const LOG_DEFAULT: &str = "info";

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

/// The log of this process. Dropping it waits, for a moment, until the last lines are written.
#[derive(Debug)]
#[must_use = "dropped, it only waits for lines that do not exist yet"]
pub struct Log(());

impl Drop for Log {
    fn drop(&mut self) {
        flush_output();
    }
}

/// Sends the log to standard error: from level `info` on, if `TRUNKLINE_LOG` says nothing else. From
/// then on, a panic that is not [contained](crate::contain) is logged and ends the process. A process
/// that logs already stays as it is.
///
/// Lines that standard error does not take are dropped, see [`log_lines_dropped`]; nothing waits
/// for it.
pub fn log_to_stderr() -> Log {
    let wanted = env::var(LOG_VARIABLE).ok().filter(|wanted| !wanted.trim().is_empty());
    let wanted = wanted.unwrap_or_else(|| LOG_DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&wanted);
    let bad = filter.as_ref().err().map(ToString::to_string);
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new(LOG_DEFAULT)))
        .with_writer(|| Lines)
        .with_ansi(io::stderr().is_terminal())
        // These would be printed past the queue, and panic where that fails.
        .log_internal_errors(false)
        .try_init();
    if started.is_ok() {
        end_process_on_panic();
    }
    if let Some(bad) = bad {
        warn!("{LOG_VARIABLE} is ignored, {bad}: write it as in debug or trunkline_node=debug");
    }
    Log(())
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

fn log_line(line: &[u8]) {
    STDERR.push("log", stderr(), line);
}

/// Where the subscriber writes each line.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        log_line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
