//! The log: written to standard error by a thread of its own, so that whatever reads it, or does
//! not, costs the program nothing but lines.

use std::{env, io, io::IsTerminal as _};

use tracing::warn;
use tracing_subscriber::EnvFilter;

use crate::{
    output::{flush_output, log_line},
    panics::end_process_on_panic,
};

/// The environment variable that says what is logged, as in `debug` or `trunkline_node=debug`.
const LOG_VARIABLE: &str = "TRUNKLINE_LOG";

/// What is logged where the variable says nothing.
const LOG_DEFAULT: &str = "info";

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
/// Lines that standard error does not take are dropped, see [`log_lines_dropped`](crate::log_lines_dropped); nothing waits
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
