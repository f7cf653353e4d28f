use std::{fs, time::Duration};

use rustix::param::{clock_ticks_per_second, page_size};

/// What a process has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time, user and system.
    pub cpu: Duration,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
}

impl Usage {
    /// This process's own, as the kernel tells it (proc(5)). Zero where the kernel does not.
    pub fn now() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        Self {
            cpu: cpu(&stat).unwrap_or_default(),
            memory_bytes: resident_pages(&statm).unwrap_or(0) * page_size() as u64,
        }
    }
}

/// Fields 14 and 15, counted behind the command's name, which may contain anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    Some(Duration::from_millis(ticks * 1_000 / clock_ticks_per_second()))
}

fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_is_skipped() {
        let stat = "7 (a) b (c) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0";
        let ticks = Duration::from_millis(300 * 1_000 / clock_ticks_per_second());
        assert_eq!(cpu(stat), Some(ticks));
    }

    #[test]
    fn this_process_costs_something() {
        assert!(Usage::now().memory_bytes > 0);
    }
}
