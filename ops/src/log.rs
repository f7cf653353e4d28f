//! The log: written to standard error by a thread of its own, so that whatever reads it, or does
//! not, costs the program nothing but lines.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    env, io,
    io::IsTerminal as _,
    panic::{self, PanicHookInfo},
    sync::Once,
    thread,
};

use rustix::stdio::stderr;
use tracing::{error, warn};
use tracing_subscriber::EnvFilter;

use crate::{defaults::LOG_FLUSH_WITHIN, line_queue::LineQueue};

/// The environment variable that says what is logged, as in `debug` or `trunkline_node=debug`.
const LOG_VARIABLE: &str = "TRUNKLINE_LOG";

/// What is logged where the variable says nothing.
const LOG_DEFAULT: &str = "info";

static STDERR: LineQueue = LineQueue::new();

/// The log of this process. Dropping it waits, for a moment, until the last lines are written.
#[derive(Debug)]
#[must_use = "dropped, it only waits for lines that do not exist yet"]
pub struct Log(());

impl Drop for Log {
    fn drop(&mut self) {
        flush();
    }
}

/// Sends the log and the messages of panics to standard error: from level `info` on, if
/// `TRUNKLINE_LOG` says nothing else. A process that logs already stays as it is.
///
/// Lines that standard error does not take are dropped, see [`log_lines_dropped`]; nothing waits
/// for it.
pub fn log_to_stderr() -> Log {
    start_writer();
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
        panic::set_hook(Box::new(log_panic));
    }
    if let Some(bad) = bad {
        warn!("{LOG_VARIABLE} is ignored, {bad}: write it as in debug or trunkline_node=debug");
    }
    Log(())
}

/// How many lines standard error did not take so far.
pub fn log_lines_dropped() -> u64 {
    STDERR.dropped()
}

/// Says one thing on standard error, outside the log.
pub(crate) fn say(line: &str) {
    start_writer();
    STDERR.push(format!("{line}\n").as_bytes());
    flush();
}

pub(crate) fn flush() {
    STDERR.flush(LOG_FLUSH_WITHIN);
}

fn start_writer() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let writer = thread::Builder::new().name("log".to_owned());
        // A process that cannot have one more thread has no log; it has other worries.
        let _ = writer.spawn(|| STDERR.write_to(stderr()));
    });
}

/// The standard hook writes to standard error itself, and waits for it.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => error!(thread, "{panic}\n{backtrace}"),
        _ => error!(thread, "{panic}"),
    }
}

/// Where the subscriber writes each line.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        STDERR.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
