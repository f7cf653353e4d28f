//! The real programs as processes on this machine: started, stopped, killed and paused.
//!
//! Everything that runs Trunkline locally does so through [`LocalCluster`]. Each program is a child
//! in a process group of its own, so that Ctrl-C in a terminal reaches only the owner, which stops
//! them in order. The kernel kills them when the owner ends without stopping them.

mod builder;
mod command;
mod error;
mod member;
mod ports;
mod process;
mod programs;
mod redis;

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
    member::{ClusterMember, MemberKind},
    process::{Process, ProcessId, describe_exit, in_path},
    programs::{Programs, project},
    redis::ClusterRedis,
};
use self::{ports::Ports, process::tail};
use crate::{
    defaults::{POLL_INTERVAL, READY_TIMEOUT},
    http,
};

/// The relay's name.
pub const RELAY: &str = "relay-1";

/// The name of the cluster's Redis.
pub const REDIS: &str = "redis";

/// The name of the operator's window.
pub const WINDOW: &str = "gui";

/// What the builder was given.
#[derive(Debug, Default)]
struct Settings {
    node_args: Vec<String>,
    relay_args: Vec<String>,
    redis: Option<String>,
    /// How members of a kind log in to Redis, `user:password`.
    logins: Vec<(MemberKind, String)>,
    default_ports: bool,
}

/// The folder with certificates and logs.
#[derive(Debug)]
enum ClusterFolder {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl ClusterFolder {
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

/// A cluster on this machine. Dropping it kills the processes that still run.
#[derive(Debug)]
pub struct LocalCluster {
    /// In start order.
    members: Vec<ClusterMember>,
    programs: Programs,
    ports: Ports,
    settings: Settings,
    home: ClusterFolder,
}

impl LocalCluster {
    /// A builder of a cluster with a Redis and a relay, and no node yet.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// All members, running or not, in start order.
    pub fn members(&self) -> impl Iterator<Item = &ClusterMember> {
        self.members.iter()
    }

    /// The member `name`, if there is one.
    pub fn find(&self, name: &str) -> Option<&ClusterMember> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The node `name`.
    ///
    /// # Panics
    /// If there is none.
    pub fn node(&self, name: &str) -> &ClusterMember {
        self.find(name).unwrap_or_else(|| panic!("there is no {name} in this cluster"))
    }

    /// The relay.
    pub fn relay(&self) -> &ClusterMember {
        self.node(RELAY)
    }

    /// The folder that the programs get as `--certs`. It also has the CA's key.
    pub fn certs(&self) -> PathBuf {
        self.home.certs()
    }

    /// The programs that the members run.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Adds a member with addresses and a certificate, without starting it.
    pub fn add(&mut self, kind: MemberKind, name: &str) -> Result<(), ClusterError> {
        let label: Name = name.parse()?;
        let alike = self.members.iter().filter(|member| member.kind == kind).count();
        let usual = kind.documented_ports(alike);
        let (usual_listen, usual_ops) =
            (usual.map(|(listen, _)| listen), usual.map(|(_, ops)| ops));
        let (listen, ops) = match kind {
            MemberKind::Relay | MemberKind::Node => {
                let role = if kind == MemberKind::Node { Role::Node } else { Role::Relay };
                trunkline_certs::issue(&self.certs(), role, &label)?;
                (self.port(usual_listen), self.port(usual_ops))
            }
            MemberKind::Redis => (self.port(None), 0),
            MemberKind::Window => (0, 0),
        };
        let log = self.home.logs().join(format!("{name}.log"));
        let (name, listen, ops) = (name.to_owned(), local(listen), local(ops));
        let (relay_address, process) = (None, None);
        self.members.push(ClusterMember { name, kind, listen, ops, log, relay_address, process });
        self.members.sort_by_key(|member| member.kind);
        Ok(())
    }

    /// A free address for something that is not a member, such as a proxy in front of the nodes.
    pub fn free_address(&mut self) -> SocketAddr {
        local(self.port(None))
    }

    fn port(&mut self, usual: Option<u16>) -> u16 {
        self.ports.take(usual.filter(|_| self.settings.default_ports))
    }

    /// Lets a node dial the relay at `address` from its next start on: through a UDP proxy.
    pub fn dial_through(&mut self, node: &str, address: SocketAddr) -> Result<(), ClusterError> {
        self.member_mut(node)?.relay_address = Some(address);
        Ok(())
    }

    /// Starts a member, and waits until it listens. [`Self::ready`] waits until it is also linked
    /// and registered.
    pub async fn start(&mut self, name: &str) -> Result<(), ClusterError> {
        let (program, args) = self.command_line(self.known(name)?)?;
        let redis = self.redis();
        let member = self.member_mut(name)?;
        if member.process.as_mut().is_some_and(|process| process.try_exited().is_none()) {
            return Err(ClusterError::Running(name.to_owned()));
        }
        let process = member.process.insert(Process::spawn(&program, &args, &member.log)?);
        let started = match member.kind {
            MemberKind::Redis => tokio::select! {
                answers = redis.answers() => answers,
                line = process.ready_line(name, &member.log) => line.map(drop),
            },
            MemberKind::Relay | MemberKind::Node => {
                process.ready_line(name, &member.log).await.map(drop)
            }
            MemberKind::Window => Ok(()),
        };
        if started.is_err() {
            member.process = None;
        }
        started
    }

    /// Starts all members, and waits until each is ready.
    pub async fn start_all(&mut self) -> Result<(), ClusterError> {
        let names: Vec<_> = self.members.iter().map(|member| member.name.clone()).collect();
        for name in &names {
            self.start(name).await?;
        }
        for name in &names {
            self.ready(name).await?;
        }
        Ok(())
    }

    /// Starts the node `name`, and adds it first if it is new.
    pub async fn start_node(&mut self, name: &str) -> Result<(), ClusterError> {
        if self.find(name).is_none() {
            self.add(MemberKind::Node, name)?;
        }
        self.start(name).await
    }

    /// Waits until a member's `/readyz` says that it is ready. Members without one are ready once
    /// they listen.
    pub async fn ready(&self, name: &str) -> Result<(), ClusterError> {
        let member = self.known(name)?;
        let deadline = Instant::now() + READY_TIMEOUT;
        while member.has_ops() {
            let answer = http::get(member.ops, "/readyz").await;
            let why = match answer {
                Ok(answer) if answer.status == 200 => break,
                Ok(answer) => format!("is not ready: {} {}", answer.status, answer.body.trim()),
                Err(error) => format!("does not answer on its ops port: {error}"),
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
    pub async fn kill(&mut self, name: &str) -> Result<(), ClusterError> {
        let process = self.process(name)?;
        process.signal(Signal::KILL);
        process.exited().await.map_err(ClusterError::Wait)?;
        self.member_mut(name)?.process = None;
        Ok(())
    }

    /// Stops a member with SIGTERM, and waits until it has ended. After
    /// [`STOP_TIMEOUT`](crate::defaults::STOP_TIMEOUT) it is killed.
    pub async fn terminate(&mut self, name: &str) -> Result<ExitStatus, ClusterError> {
        let status = self.process(name)?.terminate().await.map_err(ClusterError::Wait)?;
        self.member_mut(name)?.process = None;
        Ok(status)
    }

    /// Starts a second process with the name and certificate of the node `name`.
    pub fn start_duplicate(&mut self, name: &str) -> Result<Process, ClusterError> {
        let (listen, ops) = (self.free_address(), self.free_address());
        let node = self.known(name)?;
        let log = self.home.logs().join(format!("{name}-duplicate.log"));
        let (name, kind, relay_address) = (node.name.clone(), node.kind, node.relay_address);
        let duplicate =
            ClusterMember { name, kind, listen, ops, log, relay_address, process: None };
        let (program, args) = self.command_line(&duplicate)?;
        Process::spawn(&program, &args, &duplicate.log)
    }

    /// Sends a member SIGTERM without waiting for its end, as [`Self::terminate`] does.
    pub fn request_stop(&mut self, name: &str) -> Result<(), ClusterError> {
        self.process(name)?.request_stop();
        Ok(())
    }

    /// Pauses a member with SIGSTOP, like a machine that freezes.
    pub fn pause(&mut self, name: &str) -> Result<(), ClusterError> {
        self.process(name)?.signal(Signal::STOP);
        Ok(())
    }

    /// Resumes a paused member.
    pub fn resume(&mut self, name: &str) -> Result<(), ClusterError> {
        self.process(name)?.signal(Signal::CONT);
        Ok(())
    }

    /// Waits until a member ends that nobody stopped, and returns its name and status. Cancel-safe.
    pub async fn next_exit(&mut self) -> (String, ExitStatus) {
        let exits = self.members.iter_mut().filter_map(|member| {
            let (name, process) = (member.name.clone(), member.process.as_mut()?);
            Some(Box::pin(async move { (name, process.exited().await) }))
        });
        let exits: Vec<_> = exits.collect();
        if exits.is_empty() {
            return pending().await;
        }
        let ((name, status), ..) = select_all(exits).await;
        if let Ok(member) = self.member_mut(&name) {
            member.process = None;
        }
        (name, status.unwrap_or_default())
    }

    /// Stops all members of a kind, and returns the status of each.
    pub async fn stop(
        &mut self,
        kind: MemberKind,
    ) -> Result<Vec<(String, ExitStatus)>, ClusterError> {
        let mut ended = Vec::new();
        let members = self.members.iter_mut().filter(|member| member.kind == kind);
        let running = members.filter_map(|member| Some((&member.name, member.process.take()?)));
        let mut running: Vec<_> = running.collect();
        running.iter_mut().for_each(|(_, process)| process.request_stop());
        for (name, mut process) in running {
            ended.push((name.clone(), process.terminate().await.map_err(ClusterError::Wait)?));
        }
        Ok(ended)
    }

    /// Stops all members, in order.
    pub async fn stop_all(&mut self) -> Result<(), ClusterError> {
        for kind in MemberKind::STOP_ORDER {
            self.stop(kind).await?;
        }
        Ok(())
    }

    fn known(&self, name: &str) -> Result<&ClusterMember, ClusterError> {
        self.find(name).ok_or_else(|| ClusterError::Unknown(name.to_owned()))
    }

    fn member_mut(&mut self, name: &str) -> Result<&mut ClusterMember, ClusterError> {
        let member = self.members.iter_mut().find(|member| member.name == name);
        member.ok_or_else(|| ClusterError::Unknown(name.to_owned()))
    }

    fn process(&mut self, name: &str) -> Result<&mut Process, ClusterError> {
        let process = self.member_mut(name)?.process.as_mut();
        process.ok_or_else(|| ClusterError::Stopped(name.to_owned()))
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        if thread::panicking() {
            for member in &self.members {
                // `eprintln!` panics if standard error is closed, and a second panic would abort the
                // process before the members are killed.
                let log = tail(&member.log);
                let _ = writeln!(io::stderr(), "--- the end of {}'s log\n{log}", member.name);
            }
        }
        // In reverse start order: each depends on those before it.
        while self.members.pop().is_some() {}
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
