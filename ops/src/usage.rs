use std::{fs, time::Duration};

use rustix::{
    param::page_size,
    time::{ClockId, clock_gettime},
};

/// The CPU time and memory that a process uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// CPU time since the start, user and system.
    pub cpu: Duration,
    /// Resident memory, in bytes; 0 where the system does not report it.
    pub memory_bytes: u64,
}

impl Usage {
    /// Measures this process.
    pub fn now() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        Self {
            cpu: Duration::new(cpu.tv_sec as u64, cpu.tv_nsec as u32),
            memory_bytes: resident_pages(&statm).unwrap_or(0) * page_size() as u64,
        }
    }
}

/// The second field of `statm`, see proc(5).
fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_resident_and_cpu_time_grows() {
        let before = Usage::now();
        assert!(before.memory_bytes > 100_000);
        while Usage::now().cpu == before.cpu {
            std::hint::spin_loop();
        }
    }
}
