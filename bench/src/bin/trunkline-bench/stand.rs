//! The systems under test, started and stopped.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use tokio::runtime::{Builder, Runtime};
use trunkline_bench::{Filler, Nats, NatsCluster, Paths, Peer, System, Trunkline};
use trunkline_cli::local_cluster::{Cluster, ClusterBuilder, Programs};

/// The seats of a node: more than any case takes.
const CAPACITY: &str = "16000";

/// What systems are started with.
#[derive(Debug)]
pub(crate) struct Setup {
    runtime: Runtime,
    programs: Option<PathBuf>,
}

impl Setup {
    pub(crate) fn new(programs: Option<PathBuf>) -> Result<Self> {
        Ok(Self { runtime: Builder::new_current_thread().enable_all().build()?, programs })
    }
}

/// A system that runs until it is dropped.
pub(crate) trait Stand: Sized {
    /// What is spoken to it.
    type Peer: Peer;

    /// Starts it with so many nodes.
    fn start(setup: &Setup, nodes: usize) -> Result<Self>;

    /// Starts it with two nodes whose links go over paths that can be made bad.
    fn start_over_paths(setup: &Setup) -> Result<(Self, Paths)>;

    /// Where it is.
    fn system(&self) -> System;

    /// Registers so many users that are nowhere, for as long as the filler lives.
    fn fill(&self, users: usize) -> Result<Filler>;

    /// Its version, as it tells it.
    fn version(setup: &Setup) -> Result<String>;
}

impl Stand for Cluster {
    type Peer = Trunkline;

    fn start(setup: &Setup, nodes: usize) -> Result<Self> {
        Ok(setup.runtime.block_on(builder(setup, nodes).start())?)
    }

    fn start_over_paths(setup: &Setup) -> Result<(Self, Paths)> {
        let mut cluster = builder(setup, 2).prepare()?;
        let paths = Paths::start(cluster.relay().address(), 2)?;
        for (node, address) in ["node-1", "node-2"].into_iter().zip(paths.addresses()) {
            cluster.dial_through(node, address)?;
        }
        let members: Vec<_> = cluster.members().map(|member| member.name().to_owned()).collect();
        setup.runtime.block_on(async {
            for name in &members {
                cluster.start(name).await?;
            }
            for name in &members {
                cluster.ready(name).await?;
            }
            Ok((cluster, paths))
        })
    }

    fn system(&self) -> System {
        self.into()
    }

    fn fill(&self, users: usize) -> Result<Filler> {
        Ok(Filler::fill(self.redis().url(), users)?)
    }

    fn version(_: &Setup) -> Result<String> {
        Ok(format!(
            "trunkline {}, {}",
            env!("CARGO_PKG_VERSION"),
            said("redis-server", "./setup.sh installs it")?
        ))
    }
}

impl Stand for NatsCluster {
    type Peer = Nats;

    fn start(setup: &Setup, nodes: usize) -> Result<Self> {
        Ok(setup.runtime.block_on(Self::start(nodes))?)
    }

    fn start_over_paths(_: &Setup) -> Result<(Self, Paths)> {
        bail!("NATS links its servers over TCP, which no datagram proxy can make bad")
    }

    fn system(&self) -> System {
        self.into()
    }

    fn fill(&self, _: usize) -> Result<Filler> {
        bail!("NATS has no directory that could be filled")
    }

    fn version(_: &Setup) -> Result<String> {
        said("nats-server", "`apt-get install nats-server` installs it on Debian")
    }
}

fn builder(setup: &Setup, nodes: usize) -> ClusterBuilder {
    let builder = Cluster::builder().nodes(nodes).node_args(["--capacity", CAPACITY]);
    match &setup.programs {
        Some(folder) => builder.programs(Programs::at(folder.clone())),
        None => builder,
    }
}

/// What a program answers to `--version`, in one line. Without it, `mend` tells what to do.
fn said(program: &str, mend: &str) -> Result<String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.with_context(|| format!("{program} cannot be run: {mend}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}
