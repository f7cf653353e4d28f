//! The machine of a measurement.

use std::{fs, io, thread};

use serde::Serialize;

/// A machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) kernel: String,
    /// The load average over five minutes. More than `processors` means that other processes disturbed
    /// the measurement.
    pub(crate) load: f64,
    /// Whether the programs are optimised.
    pub(crate) optimised: bool,
}

impl Machine {
    /// Reads it from the kernel.
    pub(crate) fn read() -> io::Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.and_then(|rest| rest.split_once(": ")).map(|(_, name)| name);
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            processor: model.unwrap_or("unknown processor").trim().to_owned(),
            processors: thread::available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load: load.split(' ').nth(1).and_then(|load| load.parse().ok()).unwrap_or(f64::NAN),
            optimised: !cfg!(debug_assertions),
        })
    }
}
