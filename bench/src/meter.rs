//! CPU time and memory of the servers, as the kernel counts them.

use std::{fs, io, ops::Sub, process::id, time::Duration};

use rustix::param::clock_ticks_per_second;
use serde::Serialize;

/// What a server process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerRole {
    /// Holds sessions.
    Node,
    /// Forwards between nodes.
    Relay,
    /// Stores the directory.
    Redis,
}

/// A server process.
#[derive(Clone, Copy, Debug)]
pub struct ServerProcess {
    /// What it does.
    pub role: ServerRole,
    /// Its pid.
    pub pid: i32,
}

/// An amount for each role of a system's servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PerRole {
    /// All nodes together.
    pub nodes: f64,
    /// The relay.
    pub relay: f64,
    /// Redis.
    pub redis: f64,
}

impl PerRole {
    /// The total.
    pub fn sum(&self) -> f64 {
        self.nodes + self.relay + self.redis
    }

    /// Applies `change` to each amount.
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        let Self { nodes, relay, redis } = self;
        Self { nodes: change(nodes), relay: change(relay), redis: change(redis) }
    }

    fn role(&mut self, role: ServerRole) -> &mut f64 {
        match role {
            ServerRole::Node => &mut self.nodes,
            ServerRole::Relay => &mut self.relay,
            ServerRole::Redis => &mut self.redis,
        }
    }

    fn of(servers: &[ServerProcess], read: impl Fn(i32) -> io::Result<f64>) -> io::Result<Self> {
        let mut amounts = Self::default();
        for server in servers {
            *amounts.role(server.role) += read(server.pid)?;
        }
        Ok(amounts)
    }
}

impl Sub for PerRole {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            nodes: self.nodes - before.nodes,
            relay: self.relay - before.relay,
            redis: self.redis - before.redis,
        }
    }
}

/// The CPU time of the servers in seconds: user and system, of all threads, ended ones too.
pub(super) fn cpu_s(servers: &[ServerProcess]) -> io::Result<PerRole> {
    PerRole::of(servers, |pid| process_cpu(pid).map(|time| time.as_secs_f64()))
}

/// The memory of the servers in bytes: proportional set size.
pub(super) fn memory_bytes(servers: &[ServerProcess]) -> io::Result<PerRole> {
    PerRole::of(servers, |pid| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = pss.and_then(|pss| pss.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0).ok_or_else(|| io::ErrorKind::InvalidData.into())
    })
}

/// The CPU time of this process in seconds.
pub(super) fn own_cpu_s() -> io::Result<f64> {
    process_cpu(id().cast_signed()).map(|time| time.as_secs_f64())
}

/// The CPU time of a process.
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
    fn cpu_and_memory_of_this_process_are_counted() {
        let this = ServerProcess { role: ServerRole::Relay, pid: id().cast_signed() };
        let memory = memory_bytes(&[this, this]).unwrap();
        assert!(memory.relay > 100_000.0, "{memory:?}");
        assert_eq!((memory.nodes, memory.redis), (0.0, 0.0));
        let before = cpu_s(&[this]).unwrap();
        while (cpu_s(&[this]).unwrap() - before).sum() < 0.02 {}
    }
}
