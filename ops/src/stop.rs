use std::{fs, future::poll_fn, io, process, task::Poll};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::{output::flush_output, program::FAILED};

/// A signal that asks the process to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM: a service manager.
    Terminate,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGQUIT: Ctrl-\, or a service manager that sends it for a graceful shutdown.
    Quit,
    /// SIGHUP: the terminal closed.
    Hangup,
}

impl StopSignal {
    /// Whether this signal, as a second one, ends the process at once. The others can arrive twice
    /// for one request: a terminal that closes and its shell each send SIGHUP, and service managers
    /// send SIGHUP after SIGTERM.
    pub fn insists(self) -> bool {
        matches!(self, Self::Interrupt | Self::Quit)
    }
}

/// The [`StopSignal`]s that the process receives.
#[derive(Debug)]
pub struct StopSignals(Vec<(StopSignal, Signal)>);

impl StopSignals {
    /// Installs the signal handlers.
    ///
    /// # Errors
    /// If a handler cannot be installed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mut signals = Vec::new();
        for (stop, kind) in [
            (StopSignal::Terminate, SignalKind::terminate()),
            (StopSignal::Interrupt, SignalKind::interrupt()),
            (StopSignal::Quit, SignalKind::quit()),
            (StopSignal::Hangup, SignalKind::hangup()),
        ] {
            // `nohup` makes the process ignore SIGHUP, and a handler would undo that.
            if stop != StopSignal::Hangup || !is_ignored(&status, kind) {
                signals.push((stop, signal(kind)?));
            }
        }
        Ok(Self(signals))
    }

    /// Waits for the next signal. Cancel-safe.
    pub async fn next(&mut self) -> StopSignal {
        poll_fn(|cx| {
            let mut signals = self.0.iter_mut();
            let received =
                signals.find_map(|(stop, signal)| signal.poll_recv(cx).is_ready().then_some(*stop));
            received.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Waits for a signal that [insists](StopSignal::insists). Cancel-safe.
    pub async fn next_insisting(&mut self) {
        while !self.next().await.insists() {}
    }
}

/// Completes at the first SIGTERM, SIGINT, SIGQUIT or SIGHUP. After that, one more SIGINT or SIGQUIT
/// ends the process at once, with status [`FAILED`].
///
/// # Errors
/// If a signal handler cannot be installed.
///
/// # Panics
/// Outside a tokio runtime.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut signals = StopSignals::listen()?;
    Ok(async move {
        let signal = signals.next().await;
        info!(?signal, "asked to stop");
        tokio::spawn(async move {
            signals.next_insisting().await;
            warn!("asked to stop again: ending at once");
            flush_output();
            process::exit(FAILED.into());
        });
    })
}

/// Whether the process ignores a signal, according to `/proc/self/status`.
fn is_ignored(status: &str, kind: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[test]
    fn ignored_signal_is_read_from_the_process_status() {
        let status = "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(is_ignored(status, SignalKind::hangup()));
        assert!(is_ignored(status, SignalKind::pipe()));
        assert!(!is_ignored(status, SignalKind::interrupt()));
        assert!(!is_ignored("", SignalKind::hangup()));
    }

    #[tokio::test]
    async fn only_an_insisting_signal_counts_as_the_second() {
        let mut signals = StopSignals::listen().unwrap();
        let raise = |signal| kill_process(getpid(), signal).unwrap();
        raise(Signal::TERM);
        assert_eq!(signals.next().await, StopSignal::Terminate);
        raise(Signal::TERM);
        raise(Signal::INT);
        signals.next_insisting().await;
    }
}
