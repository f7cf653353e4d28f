//! The systems under test.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use tokio::runtime::{Builder, Runtime};
use trunkline_bench::{
    DirectoryFiller, ImpairedLinks, Nats, NatsCluster, System, Trunkline, WireProtocol,
};
use trunkline_cli::local_cluster::{ClusterBuilder, LocalCluster, Programs};

/// The capacity of a node: more sessions than any case has.
const CAPACITY: &str = "16000";

/// The workloads measure what the system can do: no session has a rate limit.
const NO_RATE_LIMITS: [&str; 4] = ["--messages-per-second", "0", "--bytes-per-second", "0"];

/// The settings of all systems.
#[derive(Debug)]
pub(crate) struct BenchSetup {
    runtime: Runtime,
    programs: Option<PathBuf>,
}

impl BenchSetup {
    pub(crate) fn new(programs: Option<PathBuf>) -> Result<Self> {
        Ok(Self { runtime: Builder::new_current_thread().enable_all().build()?, programs })
    }
}

/// A system that runs until it is dropped.
pub(crate) trait SystemUnderTest: Sized {
    /// Its wire protocol.
    type WireProtocol: WireProtocol;

    /// Starts it with this many nodes.
    fn start(setup: &BenchSetup, nodes: usize) -> Result<Self>;

    /// Starts it with two nodes whose links can be impaired.
    fn start_over_impaired_links(setup: &BenchSetup) -> Result<(Self, ImpairedLinks)>;

    /// Its addresses and processes.
    fn system(&self) -> System;

    /// Registers users without sessions until the filler is dropped.
    fn fill(&self, users: usize) -> Result<DirectoryFiller>;

    /// Its version, as its programs report it.
    fn version(setup: &BenchSetup) -> Result<String>;
}

impl SystemUnderTest for LocalCluster {
    type WireProtocol = Trunkline;

    fn start(setup: &BenchSetup, nodes: usize) -> Result<Self> {
        Ok(setup.runtime.block_on(builder(setup, nodes).start())?)
    }

    fn start_over_impaired_links(setup: &BenchSetup) -> Result<(Self, ImpairedLinks)> {
        let mut cluster = builder(setup, 2).prepare()?;
        let impaired_links = ImpairedLinks::start(cluster.relay().address(), 2)?;
        for (node, address) in ["node-1", "node-2"].into_iter().zip(impaired_links.addresses()) {
            cluster.dial_through(node, address)?;
        }
        setup.runtime.block_on(cluster.start_all())?;
        Ok((cluster, impaired_links))
    }

    fn system(&self) -> System {
        self.into()
    }

    fn fill(&self, users: usize) -> Result<DirectoryFiller> {
        Ok(DirectoryFiller::fill(self.redis().url(), users)?)
    }

    fn version(_: &BenchSetup) -> Result<String> {
        Ok(format!(
            "trunkline {}, {}",
            env!("CARGO_PKG_VERSION"),
            version_of("redis-server", "./setup.sh installs it")?
        ))
    }
}

impl SystemUnderTest for NatsCluster {
    type WireProtocol = Nats;

    fn start(setup: &BenchSetup, nodes: usize) -> Result<Self> {
        Ok(setup.runtime.block_on(Self::start(nodes))?)
    }

    fn start_over_impaired_links(_: &BenchSetup) -> Result<(Self, ImpairedLinks)> {
        bail!("NATS links its servers over TCP, which a UDP proxy cannot impair")
    }

    fn system(&self) -> System {
        self.into()
    }

    fn fill(&self, _: usize) -> Result<DirectoryFiller> {
        bail!("NATS has no directory to fill")
    }

    fn version(_: &BenchSetup) -> Result<String> {
        version_of("nats-server", "`apt-get install nats-server` installs it on Debian")
    }
}

fn builder(setup: &BenchSetup, nodes: usize) -> ClusterBuilder {
    let args = ["--capacity", CAPACITY].into_iter().chain(NO_RATE_LIMITS);
    let builder = LocalCluster::builder().nodes(nodes).node_args(args);
    match &setup.programs {
        Some(folder) => builder.programs(Programs::at(folder.clone())),
        None => builder,
    }
}

/// The first line of a program's `--version`. `remedy` says what to do if it is missing.
fn version_of(program: &str, remedy: &str) -> Result<String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.with_context(|| format!("{program} cannot be run: {remedy}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}
