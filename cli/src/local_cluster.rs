//! Starting the real programs on this machine, hurting them, and stopping them.
//!
//! Everything that runs Trunkline locally does it through [`Cluster`]. Each program is a child
//! process in a group of its own, so that Ctrl-C in a terminal reaches none of them before we
//! have had our say; the kernel kills them when the process that owns the [`Cluster`] ends in
//! whatever way.

mod builder;
mod command;
mod error;
mod member;
mod ports;
mod process;
mod programs;
mod redis;
mod rival;

use std::{
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitStatus,
    thread,
};

use futures_util::future::{pending, select_all};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use trunkline_certs::Role;
use trunkline_protocol::Name;

pub use self::{
    builder::ClusterBuilder,
    error::ClusterError,
    member::{Kind, Member},
    process::{Process, ProcessId, how_it_ended, in_path},
    programs::{Programs, project},
    redis::Redis,
    rival::Rival,
};
use self::{ports::Ports, process::tail};
use crate::{
    defaults::{POLL_INTERVAL, READY_TIMEOUT},
    http,
};

/// The relay's name.
pub const RELAY: &str = "relay-1";

/// The name that the cluster's Redis goes by.
pub const REDIS: &str = "redis";

/// The name that the window goes by.
pub const WINDOW: &str = "gui";

/// What a cluster was asked to be.
#[derive(Debug, Default)]
struct Settings {
    node_args: Vec<String>,
    relay_args: Vec<String>,
    redis: Option<String>,
    /// How members of a kind log in to Redis, `user:password`.
    logins: Vec<(Kind, String)>,
    usual_ports: bool,
}

/// Where certificates and logs are.
#[derive(Debug)]
enum Home {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Home {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }

    fn certs(&self) -> PathBuf {
        self.path().join("certs")
    }

    fn logs(&self) -> PathBuf {
        self.path().join("logs")
    }
}

/// A cluster on this machine. Dropping it kills what still runs.
#[derive(Debug)]
pub struct Cluster {
    /// In the order in which they start.
    members: Vec<Member>,
    programs: Programs,
    ports: Ports,
    settings: Settings,
    home: Home,
}

impl Cluster {
    /// A cluster with a Redis and a relay; say how many nodes.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// What belongs to it, running or not, in the order in which it starts.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// A member, if there is one of that name.
    pub fn find(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The node `name`.
    ///
    /// # Panics
    /// If there is none.
    pub fn node(&self, name: &str) -> &Member {
        self.find(name).unwrap_or_else(|| panic!("there is no {name} in this cluster"))
    }

    /// The relay.
    pub fn relay(&self) -> &Member {
        self.node(RELAY)
    }

    /// The folder that the programs are given as `--certs`; the CA's key is in it as well.
    pub fn certs(&self) -> PathBuf {
        self.home.certs()
    }

    /// The programs, to start one by hand.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Adds a member that is not started yet, with addresses and a certificate.
    ///
    /// # Errors
    /// If the name is no DNS label, or no certificate can be issued.
    pub fn add(&mut self, kind: Kind, name: &str) -> Result<(), ClusterError> {
        let label: Name = name.parse()?;
        let (listen, ops) = match kind {
            Kind::Relay => {
                trunkline_certs::issue(&self.certs(), Role::Relay, &label)?;
                (self.port(Some(7400)), self.port(Some(7480)))
            }
            Kind::Node => {
                trunkline_certs::issue(&self.certs(), Role::Node, &label)?;
                let nodes = self.members.iter().filter(|member| member.kind == Kind::Node).count();
                let usual = |first| u16::try_from(nodes).ok().map(|nodes| first + nodes);
                (self.port(usual(9001)), self.port(usual(9081)))
            }
            Kind::Redis => (self.port(None), 0),
            Kind::Window => (0, 0),
        };
        let log = self.home.logs().join(format!("{name}.log"));
        let (name, listen, ops) = (name.to_owned(), local(listen), local(ops));
        self.members.push(Member { name, kind, listen, ops, log, dials: None, process: None });
        self.members.sort_by_key(|member| member.kind);
        Ok(())
    }

    /// A free address for something that is no member, such as a proxy in front of the nodes.
    pub fn free_address(&mut self) -> SocketAddr {
        local(self.port(None))
    }

    fn port(&mut self, usual: Option<u16>) -> u16 {
        self.ports.take(usual.filter(|_| self.settings.usual_ports))
    }

    /// Has a node dial the relay at `address` from its next start on: at a
    /// [`Proxy`](crate::proxy::Proxy), for one.
    ///
    /// # Errors
    /// If it is unknown.
    pub fn dial_through(&mut self, node: &str, address: SocketAddr) -> Result<(), ClusterError> {
        self.member_mut(node)?.dials = Some(address);
        Ok(())
    }

    /// Starts a member, and waits until it listens. Whether it is also linked and registered is
    /// what [`Self::ready`] waits for.
    ///
    /// # Errors
    /// If it is unknown, runs already, or does not come up.
    pub async fn start(&mut self, name: &str) -> Result<(), ClusterError> {
        let member = self.find(name).ok_or_else(|| ClusterError::Unknown(name.to_owned()))?;
        let (program, args) = self.command_line(member)?;
        let redis = self.redis();
        let member = self.member_mut(name)?;
        if member.process.as_mut().is_some_and(|process| process.try_exited().is_none()) {
            return Err(ClusterError::Running(name.to_owned()));
        }
        let process = member.process.insert(Process::spawn(&program, &args, &member.log)?);
        let came_up = match member.kind {
            Kind::Redis => tokio::select! {
                answers = redis.answers() => answers,
                line = process.ready_line(name, &member.log) => line.map(drop),
            },
            Kind::Relay | Kind::Node => process.ready_line(name, &member.log).await.map(drop),
            Kind::Window => Ok(()),
        };
        if came_up.is_err() {
            member.process = None;
        }
        came_up
    }

    /// Starts the node `name`, which is added if it is new.
    ///
    /// # Errors
    /// As [`Self::add`] and [`Self::start`].
    pub async fn start_node(&mut self, name: &str) -> Result<(), ClusterError> {
        if self.find(name).is_none() {
            self.add(Kind::Node, name)?;
        }
        self.start(name).await
    }

    /// Stops the relay with SIGTERM and starts it again.
    ///
    /// # Errors
    /// If it does not run, or does not come up.
    pub async fn restart_relay(&mut self) -> Result<(), ClusterError> {
        self.terminate(RELAY).await?;
        self.start(RELAY).await
    }

    /// Waits until `/readyz` of a member says so. Members without one are ready once they listen.
    ///
    /// # Errors
    /// If it does not in [`READY_TIMEOUT`].
    pub async fn ready(&self, name: &str) -> Result<(), ClusterError> {
        let member = self.find(name).ok_or_else(|| ClusterError::Unknown(name.to_owned()))?;
        let deadline = Instant::now() + READY_TIMEOUT;
        while member.has_ops() {
            let answer = http::get(member.ops, "/readyz").await;
            let why = match answer {
                Ok(answer) if answer.status == 200 => break,
                Ok(answer) => format!("is not ready: {} {}", answer.status, answer.body.trim()),
                Err(error) => format!("does not answer at its ops port: {error}"),
            };
            if Instant::now() > deadline {
                let (name, log) = (name.to_owned(), tail(&member.log));
                return Err(ClusterError::NotReady { name, why, log });
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Kills a member with SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn kill(&mut self, name: &str) -> Result<(), ClusterError> {
        let process = self.process(name)?;
        process.signal(Signal::KILL);
        process.exited().await.map_err(ClusterError::Wait)?;
        self.member_mut(name)?.process = None;
        Ok(())
    }

    /// Asks a member to leave with SIGTERM, and waits until it is gone. One that takes longer than
    /// [`STOP_TIMEOUT`](crate::defaults::STOP_TIMEOUT) is killed.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn terminate(&mut self, name: &str) -> Result<ExitStatus, ClusterError> {
        let status = self.process(name)?.terminate().await.map_err(ClusterError::Wait)?;
        self.member_mut(name)?.process = None;
        Ok(status)
    }

    /// Asks a member to leave with SIGTERM, and does not wait for it. [`Self::terminate`] does.
    ///
    /// # Errors
    /// If it does not run.
    pub fn ask_to_leave(&mut self, name: &str) -> Result<(), ClusterError> {
        self.process(name)?.ask_to_leave();
        Ok(())
    }

    /// Stops a member's clock with SIGSTOP, as a machine that freezes would.
    ///
    /// # Errors
    /// If it does not run.
    pub fn pause(&mut self, name: &str) -> Result<(), ClusterError> {
        self.process(name)?.signal(Signal::STOP);
        Ok(())
    }

    /// Lets a paused member go on.
    ///
    /// # Errors
    /// If it does not run.
    pub fn resume(&mut self, name: &str) -> Result<(), ClusterError> {
        self.process(name)?.signal(Signal::CONT);
        Ok(())
    }

    /// Waits until a member dies that nobody stopped, and says which and how. Cancel-safe.
    pub async fn next_death(&mut self) -> (String, ExitStatus) {
        let lives = self.members.iter_mut().filter_map(|member| {
            let (name, process) = (member.name.clone(), member.process.as_mut()?);
            Some(Box::pin(async move { (name, process.exited().await) }))
        });
        let lives: Vec<_> = lives.collect();
        if lives.is_empty() {
            return pending().await;
        }
        let ((name, status), ..) = select_all(lives).await;
        if let Some(member) = self.members.iter_mut().find(|member| member.name == name) {
            member.process = None;
        }
        (name, status.unwrap_or_default())
    }

    /// Asks all members of a kind to leave, and tells how each ended.
    ///
    /// # Errors
    /// If one cannot be waited for.
    pub async fn stop(&mut self, kind: Kind) -> Result<Vec<(String, ExitStatus)>, ClusterError> {
        let mut ended = Vec::new();
        let members = self.members.iter_mut().filter(|member| member.kind == kind);
        let mut running: Vec<_> = members.filter(|member| member.process.is_some()).collect();
        for process in running.iter_mut().filter_map(|member| member.process.as_mut()) {
            process.ask_to_leave();
        }
        for member in running {
            let Some(mut process) = member.process.take() else { continue };
            let status = process.terminate().await.map_err(ClusterError::Wait)?;
            ended.push((member.name.clone(), status));
        }
        Ok(ended)
    }

    /// Stops everything in order: window, nodes, relay, Redis.
    ///
    /// # Errors
    /// If a process cannot be waited for.
    pub async fn stop_all(&mut self) -> Result<(), ClusterError> {
        for kind in [Kind::Window, Kind::Node, Kind::Relay, Kind::Redis] {
            self.stop(kind).await?;
        }
        Ok(())
    }

    fn member_mut(&mut self, name: &str) -> Result<&mut Member, ClusterError> {
        let member = self.members.iter_mut().find(|member| member.name == name);
        member.ok_or_else(|| ClusterError::Unknown(name.to_owned()))
    }

    fn process(&mut self, name: &str) -> Result<&mut Process, ClusterError> {
        let process = self.member_mut(name)?.process.as_mut();
        process.ok_or_else(|| ClusterError::Stopped(name.to_owned()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if thread::panicking() {
            for member in &self.members {
                // A second panic would end the process before anything is stopped.
                let log = tail(&member.log);
                let _ = writeln!(io::stderr(), "--- the end of {}'s log\n{log}", member.name);
            }
        }
        // The last first: what leans on another goes before it.
        while self.members.pop().is_some() {}
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
