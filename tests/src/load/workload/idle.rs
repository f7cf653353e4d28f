use std::time::Duration;

use serde::Serialize;

use super::{Names, measure};
use crate::{
    defaults::LOAD_CALM,
    load::{Engine, LoadError, Parts, Peer, System, meter},
};

/// Users that log in and do nothing.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// How many, over all nodes in turn.
    pub sessions: usize,
    /// For how long they are watched.
    pub measured: Duration,
}

impl Default for Idle {
    fn default() -> Self {
        Self { sessions: 10_000, measured: Duration::from_secs(30) }
    }
}

/// What [`Idle`] found.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct IdleFigures {
    /// Logins a second.
    pub logins_per_s: f64,
    /// Processor time of the servers for each login, in microseconds.
    pub login_cpu_us: Parts,
    /// What the servers hold more than before, for each session, in bytes. Nobody has logged in
    /// before if the system is fresh.
    pub session_bytes: Parts,
    /// Processor time of the servers while nothing is done, in percent of one core.
    pub idle_cpu_percent: Parts,
}

impl Idle {
    /// Runs it. What it says of memory is true of a system that had no sessions yet.
    ///
    /// # Errors
    /// If the load comes to nothing.
    pub fn run<P: Peer>(&self, system: &System) -> Result<IdleFigures, LoadError> {
        let mut engine = Engine::<P>::new()?;
        let memory_before = meter::memory_bytes(&system.servers)?;
        let names = Names::fresh("i");
        let users = (0..self.sessions).map(|number| (system.node(number), names.of(number)));
        let logins = measure(&mut engine, system, &[], |engine| engine.log_in(users).map(drop))?;
        engine.run(LOAD_CALM)?;
        let memory = meter::memory_bytes(&system.servers)? - memory_before;
        let idle = measure(&mut engine, system, &[], |engine| engine.run(self.measured))?;
        let sessions = self.sessions as f64;
        Ok(IdleFigures {
            logins_per_s: sessions / logins.time.as_secs_f64(),
            login_cpu_us: logins.cpu_s.map(|seconds| seconds * 1e6 / sessions),
            session_bytes: memory.map(|bytes| bytes / sessions),
            idle_cpu_percent: idle.cpu_s.map(|s| s * 100.0 / idle.time.as_secs_f64()),
        })
    }
}
