//! The log. Its own thread writes it to standard error, so that a slow reader costs lines and no
//! time.

use std::{env, io, io::IsTerminal as _};

use tracing::warn;
use tracing_subscriber::EnvFilter;

use crate::{
    output::{flush_output, log_line},
    panics::end_process_on_panic,
};

/// The environment variable with the log filter, such as `debug` or `trunkline_node=debug`.
const LOG_VARIABLE: &str = "TRUNKLINE_LOG";

/// The filter without that variable.
const LOG_DEFAULT: &str = "info";

/// The log of this process. Dropping it waits briefly until the last lines are written.
#[derive(Debug)]
#[must_use = "hold it until the process ends: dropping it flushes the log"]
pub struct Log(());

impl Drop for Log {
    fn drop(&mut self) {
        flush_output();
    }
}

/// Sends the log to standard error, at level `info` unless `TRUNKLINE_LOG` says otherwise. After
/// that, a panic that is not [contained](crate::contain) is logged and ends the process. Has no
/// effect in a process that logs already.
///
/// Lines that standard error does not accept are dropped and counted in
/// `trunkline_log_lines_dropped_total`.
pub fn log_to_stderr() -> Log {
    let wanted = env::var(LOG_VARIABLE).ok().filter(|wanted| !wanted.trim().is_empty());
    let wanted = wanted.unwrap_or_else(|| LOG_DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&wanted);
    let bad = filter.as_ref().err().map(ToString::to_string);
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new(LOG_DEFAULT)))
        .with_writer(|| Lines)
        .with_ansi(io::stderr().is_terminal())
        // The subscriber would print its own errors past the queue, and panic if that fails.
        .log_internal_errors(false)
        .try_init();
    if started.is_ok() {
        end_process_on_panic();
    }
    if let Some(bad) = bad {
        warn!("{LOG_VARIABLE} is ignored ({bad}): write it as in debug or trunkline_node=debug");
    }
    Log(())
}

/// The subscriber's writer: one call is one line.
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
