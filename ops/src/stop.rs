use std::{fs, io, process};

use tokio::{
    select,
    signal::unix::{Signal, SignalKind, signal},
};
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
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// `None` under `nohup`, which makes the process ignore it.
    hangup: Option<Signal>,
}

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
        let hangup = SignalKind::hangup();
        let ignored = is_ignored(&status, hangup);
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: if ignored { None } else { Some(signal(hangup)?) },
        })
    }

    /// Waits for the next signal. Cancel-safe.
    pub async fn next(&mut self) -> StopSignal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        select! {
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.quit.recv() => StopSignal::Quit,
            _ = hangup => StopSignal::Hangup,
        }
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
    use super::*;

    #[test]
    fn ignored_signal_is_read_from_the_process_status() {
        let status = "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(is_ignored(status, SignalKind::hangup()));
        assert!(is_ignored(status, SignalKind::pipe()));
        assert!(!is_ignored(status, SignalKind::interrupt()));
        assert!(!is_ignored("", SignalKind::hangup()));
    }
}
