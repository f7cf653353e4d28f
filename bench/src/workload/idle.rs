use std::time::Duration;

use serde::Serialize;

use super::{Measured, Names, measure};
use crate::{
    defaults::LOAD_QUIET_TIME,
    engine::Engine,
    error::LoadError,
    meter::{PerRole, memory_bytes},
    protocol::WireProtocol,
    system::System,
};

/// Logins, over all nodes.
#[derive(Clone, Copy, Debug)]
pub struct Logins {
    /// How many.
    pub sessions: usize,
}

/// Users that have logged in and do nothing.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// The users.
    pub logins: Logins,
    /// How long they are idle while CPU time is measured.
    pub measured: Duration,
}

/// The result of [`Logins`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LoginResult {
    /// Logins a second.
    pub logins_per_s: f64,
    /// CPU time of the servers for each login, in microseconds.
    pub login_cpu_us: PerRole,
    /// What the servers hold more than before, for each session, in bytes. Nobody has logged in
    /// before if the system is fresh.
    pub session_bytes: PerRole,
}

impl Default for Logins {
    fn default() -> Self {
        Self { sessions: 10_000 }
    }
}

impl Default for Idle {
    fn default() -> Self {
        Self { logins: Logins::default(), measured: Duration::from_secs(30) }
    }
}

impl Logins {
    /// Runs it. What it says of memory is true of a system that had no sessions yet.
    pub fn run<P: WireProtocol>(&self, system: &System) -> Result<LoginResult, LoadError> {
        let mut engine = Engine::<P>::new()?;
        let memory_before = memory_bytes(&system.servers)?;
        let logins = self.log_in(&mut engine, system)?;
        let memory = memory_bytes(&system.servers)? - memory_before;
        let sessions = self.sessions as f64;
        Ok(LoginResult {
            logins_per_s: sessions / logins.time.as_secs_f64(),
            login_cpu_us: logins.cpu_s.map(|seconds| seconds * 1e6 / sessions),
            session_bytes: memory.map(|bytes| bytes / sessions),
        })
    }

    fn log_in<P: WireProtocol>(
        &self,
        engine: &mut Engine<P>,
        system: &System,
    ) -> Result<Measured, LoadError> {
        let names = Names::fresh("i");
        let users = (0..self.sessions).map(|number| (system.node(number), names.of(number)));
        let logins = measure(engine, system, &[], |engine| engine.log_in(users).map(drop))?;
        engine.run(LOAD_QUIET_TIME)?;
        Ok(logins)
    }
}

impl Idle {
    /// Runs it. Returns the processor time of the servers, in percent of one core.
    pub fn run<P: WireProtocol>(&self, system: &System) -> Result<PerRole, LoadError> {
        let mut engine = Engine::<P>::new()?;
        self.logins.log_in(&mut engine, system)?;
        let idle = measure(&mut engine, system, &[], |engine| engine.run(self.measured))?;
        Ok(idle.cpu_s.map(|s| s * 100.0 / idle.time.as_secs_f64()))
    }
}
