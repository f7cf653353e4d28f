//! A cluster of NATS servers, to compare with.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use trunkline_cli::{
    defaults::{POLL_INTERVAL, START_TIMEOUT},
    local_cluster::{ClusterError, Process, in_path},
};

/// A running cluster. Dropping it kills the servers.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<Node>,
    _home: TempDir,
}

#[derive(Debug)]
struct Node {
    process: Process,
    ports: Ports,
}

/// Where a server listens, as it reports it.
#[derive(Debug, Deserialize)]
struct Ports {
    websocket: Vec<String>,
    cluster: Vec<String>,
}

impl NatsCluster {
    /// Starts servers, each with a route to the first.
    pub async fn start(nodes: usize) -> Result<Self, ClusterError> {
        let program = in_path("nats-server").ok_or(ClusterError::Missing("nats-server"))?;
        let home = TempDir::new().map_err(ClusterError::Folder)?;
        let mut cluster = Self { nodes: Vec::new(), _home: home };
        for number in 0..nodes {
            let folder = cluster._home.path().join(number.to_string());
            let route = cluster.nodes.first().and_then(|node| node.ports.cluster.first()).cloned();
            cluster.nodes.push(Node::start(&program, folder, route.as_deref()).await?);
        }
        Ok(cluster)
    }

    /// The addresses of the WebSockets.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let url = |node: &Node| node.ports.websocket.first()?.strip_prefix("ws://")?.parse().ok();
        self.nodes.iter().filter_map(url).collect()
    }

    /// The pids of the servers.
    pub fn pids(&self) -> impl Iterator<Item = i32> {
        self.nodes.iter().map(|node| node.process.id().pid)
    }
}

impl Node {
    async fn start(
        program: &Path,
        folder: PathBuf,
        route: Option<&str>,
    ) -> Result<Self, ClusterError> {
        fs::create_dir(&folder).map_err(ClusterError::Folder)?;
        let (config, log) = (folder.join("nats.conf"), folder.join("log"));
        fs::write(&config, configuration(&folder, route)).map_err(ClusterError::Folder)?;
        let args = ["--config".into(), config.display().to_string()];
        let process = Process::spawn(program, &args, &log)?;
        let ports = await_ports(&folder, process.id().pid).await?;
        Ok(Self { process, ports })
    }
}

/// The server picks free ports.
fn configuration(folder: &Path, route: Option<&str>) -> String {
    let folder = folder.display();
    let routes = route.unwrap_or_default();
    format!(
        r#"
listen: "127.0.0.1:-1"
ports_file_dir: "{folder}"
logfile: "{folder}/log"
websocket {{ listen: "127.0.0.1:-1", no_tls: true }}
cluster {{ name: "bench", listen: "127.0.0.1:-1", routes: [{routes}] }}
"#
    )
}

/// Waits for the file in which a server reports where it listens.
async fn await_ports(folder: &Path, pid: i32) -> Result<Ports, ClusterError> {
    let file = folder.join(format!("nats-server_{pid}.ports"));
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let ports = fs::read(&file).map(|text| serde_json::from_slice(&text));
        match ports {
            Ok(Ok(ports)) => return Ok(ports),
            _ if Instant::now() > deadline => {
                let error = io::Error::other("nats-server does not report where it listens");
                return Err(ClusterError::Folder(error));
            }
            _ => sleep(POLL_INTERVAL).await,
        }
    }
}
