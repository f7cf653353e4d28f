//! What the servers cost, as the kernel counts it.

use std::{fs, io, ops::Sub, process::id, time::Duration};

use rustix::param::clock_ticks_per_second;
use serde::Serialize;

/// What a server process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It holds sessions.
    Node,
    /// It passes on between nodes.
    Relay,
    /// It is the directory's store.
    Redis,
}

/// A server process.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// What it is.
    pub part: Part,
    /// Its pid.
    pub pid: i32,
}

/// An amount of something for each part of a system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Parts {
    /// All nodes together.
    pub nodes: f64,
    /// The relay.
    pub relay: f64,
    /// Redis.
    pub redis: f64,
}

impl Parts {
    /// All of it.
    pub fn sum(&self) -> f64 {
        self.nodes + self.relay + self.redis
    }

    /// Each of them, changed alike.
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        let Self { nodes, relay, redis } = self;
        Self { nodes: change(nodes), relay: change(relay), redis: change(redis) }
    }

    fn part(&mut self, part: Part) -> &mut f64 {
        match part {
            Part::Node => &mut self.nodes,
            Part::Relay => &mut self.relay,
            Part::Redis => &mut self.redis,
        }
    }

    fn of(servers: &[Server], read: impl Fn(i32) -> io::Result<f64>) -> io::Result<Self> {
        let mut parts = Self::default();
        for server in servers {
            *parts.part(server.part) += read(server.pid)?;
        }
        Ok(parts)
    }
}

impl Sub for Parts {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            nodes: self.nodes - before.nodes,
            relay: self.relay - before.relay,
            redis: self.redis - before.redis,
        }
    }
}

/// The processor time that the servers have used, in seconds: user and system, of all their
/// threads that live or ended.
///
/// # Errors
/// If one of them runs no more.
pub(super) fn cpu_s(servers: &[Server]) -> io::Result<Parts> {
    Parts::of(servers, |pid| process_cpu(pid).map(|time| time.as_secs_f64()))
}

/// The memory that the servers hold, in bytes: their proportional share of what they map.
///
/// # Errors
/// If one of them runs no more.
pub(super) fn memory_bytes(servers: &[Server]) -> io::Result<Parts> {
    Parts::of(servers, |pid| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = pss.and_then(|pss| pss.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0).ok_or_else(|| io::ErrorKind::InvalidData.into())
    })
}

/// The processor time that this process has used, in seconds.
pub(super) fn own_cpu_s() -> io::Result<f64> {
    process_cpu(id().cast_signed()).map(|time| time.as_secs_f64())
}

/// The processor time that a process has used.
fn process_cpu(pid: i32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the command in brackets, and may itself contain anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: Vec<u64> =
        fields.split_ascii_whitespace().skip(11).take(2).flat_map(str::parse).collect();
    let [user, system] = ticks[..] else { return Err(io::ErrorKind::InvalidData.into()) };
    Ok(Duration::from_secs(1) * (user + system) as u32 / clock_ticks_per_second() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        let this = Server { part: Part::Relay, pid: id().cast_signed() };
        let memory = memory_bytes(&[this, this]).unwrap();
        assert!(memory.relay > 100_000.0, "{memory:?}");
        assert_eq!((memory.nodes, memory.redis), (0.0, 0.0));
        let before = cpu_s(&[this]).unwrap();
        while (cpu_s(&[this]).unwrap() - before).sum() < 0.02 {}
    }
}
