//! The choice of what a cluster consists of.

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use trunkline_certs::Role;
use trunkline_protocol::Name;

use super::{
    ClusterError, ClusterFolder, LocalCluster, MemberKind, Programs, REDIS, RELAY, Settings,
    ports::Ports,
};

/// The programs that every cluster runs.
const PROGRAMS: [&str; 3] = ["trunkline-node", "trunkline-relay", "trunkline-certs"];

/// Builds a [`LocalCluster`].
#[derive(Debug, Default)]
pub struct ClusterBuilder {
    nodes: usize,
    home: Option<PathBuf>,
    programs: Option<Programs>,
    settings: Settings,
}

impl ClusterBuilder {
    /// With nodes `node-1` to `node-<count>`.
    pub fn nodes(mut self, count: usize) -> Self {
        self.nodes = count;
        self
    }

    /// With more arguments for every node.
    pub fn node_args<I: IntoIterator<Item: Into<String>>>(mut self, args: I) -> Self {
        self.settings.node_args.extend(args.into_iter().map(Into::into));
        self
    }

    /// With more arguments for the relay.
    pub fn relay_args<I: IntoIterator<Item: Into<String>>>(mut self, args: I) -> Self {
        self.settings.relay_args.extend(args.into_iter().map(Into::into));
        self
    }

    /// With the Redis at this URL instead of its own. It is neither started nor stopped.
    pub fn redis(mut self, url: impl Into<String>) -> Self {
        self.settings.redis = Some(url.into());
        self
    }

    /// With certificates and logs in this folder, which is kept, instead of a temporary one.
    pub fn home(mut self, folder: impl Into<PathBuf>) -> Self {
        self.home = Some(folder.into());
        self
    }

    /// With these programs instead of those beside the running one.
    pub fn programs(mut self, programs: Programs) -> Self {
        self.programs = Some(programs);
        self
    }

    /// On the ports that the documentation names, where they are free.
    pub fn default_ports(mut self) -> Self {
        self.settings.default_ports = true;
        self
    }

    /// Builds the programs if they are missing or old, leases ports and issues certificates.
    pub fn prepare(self) -> Result<LocalCluster, ClusterError> {
        let programs = self.programs.map_or_else(|| Programs::built(&PROGRAMS), Ok)?;
        let home = match self.home {
            Some(folder) => ClusterFolder::Kept(folder),
            None => ClusterFolder::Temporary(TempDir::new().map_err(ClusterError::Folder)?),
        };
        fs::create_dir_all(home.logs()).map_err(ClusterError::Folder)?;
        let certs = home.certs();
        if !certs.join("ca.pem").exists() {
            fs::create_dir_all(&certs).map_err(ClusterError::Folder)?;
            trunkline_certs::init(&certs)?;
        }
        let admin: Name = "admin".parse()?;
        trunkline_certs::issue(&certs, Role::Admin, &admin)?;
        let ports = Ports::lease().map_err(ClusterError::Ports)?;
        let (members, settings) = (Vec::new(), self.settings);
        let mut cluster = LocalCluster { members, programs, ports, settings, home };
        if cluster.settings.redis.is_none() {
            cluster.add(MemberKind::Redis, REDIS)?;
        }
        cluster.add(MemberKind::Relay, RELAY)?;
        for number in 1..=self.nodes {
            cluster.add(MemberKind::Node, &format!("node-{number}"))?;
        }
        Ok(cluster)
    }

    /// Prepares the cluster and starts it. If a member does not become ready, all are killed.
    pub async fn start(self) -> Result<LocalCluster, ClusterError> {
        let mut cluster = self.prepare()?;
        cluster.start_all().await?;
        Ok(cluster)
    }
}
