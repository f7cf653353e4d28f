//! The routes to the nodes: directly, or through a proxy with the settings in `deploy/`.

use std::{
    fs,
    net::SocketAddr,
    path::{Display, Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{process::Child, time::sleep};
use trunkline_cli::{
    http,
    local_cluster::{LocalCluster, project},
};

use crate::children::command;

/// How long a proxy may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A route to the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Direct,
    Nginx,
    Haproxy,
}

/// A running proxy. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    _child: Child,
    _folder: TempDir,
}

impl Proxy {
    /// Starts a proxy in front of a cluster's nodes, and waits until it forwards requests.
    pub(crate) async fn start(route: Route, cluster: &mut LocalCluster) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = cluster.free_address();
        let nodes = [1, 2, 3].map(|number| cluster.node(&format!("node-{number}")).address());
        let arguments = match route {
            Route::Direct => return None,
            Route::Nginx => nginx(folder.path(), address, nodes),
            Route::Haproxy => haproxy(folder.path(), address, nodes),
        };
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = command(&arguments.0);
        child.args(arguments.1).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let proxy = Self { address, _child: child.spawn().unwrap(), _folder: folder };
        proxy.answers().await;
        Some(proxy)
    }

    /// The URL that clients dial.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    async fn answers(&self) {
        let begin = Instant::now();
        loop {
            let answer = http::get(self.address, "/nodes").await;
            if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                return;
            }
            let log = fs::read_to_string(self._folder.path().join("log")).unwrap();
            assert!(begin.elapsed() < START_TIMEOUT, "{answer:?}: {log}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The program, and its arguments.
type CommandLine = (PathBuf, Vec<String>);

fn nginx(folder: &Path, address: SocketAddr, nodes: [SocketAddr; 3]) -> CommandLine {
    let folder = folder.display();
    // The user of the test run may not write to the system's folders.
    let kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let kept = kept.map(|name| format!("{name}_temp_path {folder}/{name};\n")).concat();
    let main = format!("pid {folder}/pid;\nerror_log {folder}/log;\n");
    let http = format!("http {{\naccess_log off;\n{kept}");
    let changes = [("worker_rlimit_nofile 32768;", &*main), ("http {", &http)];
    let listen = ("listen 8080;", format!("listen {address};"));
    let file = configure("nginx.conf", &folder, &changes, listen, nodes);
    let global = "daemon off; master_process off;";
    let arguments = ["-p", &folder.to_string(), "-e", "stderr", "-g", global, "-c", &file];
    ("/usr/sbin/nginx".into(), arguments.map(str::to_owned).into())
}

fn haproxy(folder: &Path, address: SocketAddr, nodes: [SocketAddr; 3]) -> CommandLine {
    let listen = ("bind :8080", format!("bind {address}"));
    let changes = [("maxconn 16384", "maxconn 256")];
    let file = configure("haproxy.cfg", &folder.display(), &changes, listen, nodes);
    ("/usr/sbin/haproxy".into(), ["-db", "-f", &file].map(str::to_owned).into())
}

/// Writes the documented configuration with these changes, this cluster's addresses, and shorter
/// timeouts. Returns the file.
fn configure(
    name: &str,
    folder: &Display<'_>,
    changes: &[(&str, &str)],
    listen: (&str, String),
    nodes: [SocketAddr; 3],
) -> String {
    let mut text = fs::read_to_string(project().join("deploy").join(name)).unwrap();
    let mut change = |documented: &str, ours: &str| {
        assert!(text.contains(documented), "deploy/{name} says nothing of {documented:?}");
        text = text.replace(documented, ours);
    };
    for (documented, ours) in changes {
        change(documented, ours);
    }
    change(listen.0, &listen.1);
    for (number, node) in (1..).zip(nodes) {
        change(&format!("10.0.0.{number}:9001"), &node.to_string());
    }
    change("60s", &format!("{}s", crate::PROXY_TIMEOUT));
    let file = format!("{folder}/{name}");
    fs::write(&file, text).unwrap();
    file
}
