use std::{
    fmt::Display,
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Parser;
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

/// The exit status of a program that failed while it ran.
pub const FAILED: u8 = 1;

/// The exit status of arguments, or a configuration, that cannot be used as they are.
pub const UNUSABLE: u8 = 2;

/// The environment variable that says what is logged, as in `debug` or `trunkline_node=debug`.
const LOG_VARIABLE: &str = "TRUNKLINE_LOG";

/// Parses the command line and the environment. Help and the version are printed here.
///
/// # Errors
/// If the program is to end now; what there is to say has been said, in one line.
pub fn parse_args<A: Parser>() -> Result<A, ExitCode> {
    A::try_parse().map_err(|error| {
        if error.use_stderr() { fail(UNUSABLE, one_line(&error)) } else { error.exit() }
    })
}

/// Says in one line on standard error why the program ends, and gives its exit status.
pub fn fail(status: u8, why: impl Display) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(status)
}

/// What clap has to say, without the usage that follows it.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    format!("{} (see --help)", lines.join(" "))
}

/// Sends the log to standard error: from level `info` on, if `TRUNKLINE_LOG` says nothing else.
/// Does nothing if the process logs already.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .try_init();
}

/// Completes when the process is asked to end, by SIGTERM or SIGINT.
///
/// # Errors
/// If the signals cannot be listened to.
///
/// # Panics
/// Outside a tokio runtime.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
