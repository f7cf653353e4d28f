use std::{fs, time::Duration};

use rustix::{
    param::page_size,
    time::{ClockId, clock_gettime},
};

/// What a process has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time, user and system.
    pub cpu: Duration,
    /// Resident memory, in bytes; 0 where the system does not say.
    pub memory_bytes: u64,
}

impl Usage {
    /// This process's own.
    pub fn now() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        Self {
            cpu: Duration::new(cpu.tv_sec as u64, cpu.tv_nsec as u32),
            memory_bytes: resident_pages(&statm).unwrap_or(0) * page_size() as u64,
        }
    }
}

/// The second field of proc(5)'s `statm`.
fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_costs_something() {
        let before = Usage::now();
        assert!(before.memory_bytes > 100_000);
        while Usage::now().cpu == before.cpu {
            std::hint::spin_loop();
        }
    }
}
