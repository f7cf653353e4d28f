//! A second process with the name of a node.

use std::process::ExitStatus;

use super::{ClusterError, ClusterMember, LocalCluster, local, process::Process};

/// A second process with the name and certificate of a node. Dropping it kills it.
#[derive(Debug)]
pub struct DuplicateNode(Process);

impl DuplicateNode {
    /// Waits until it ends by itself. Cancel-safe.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub async fn ended(&mut self) -> Result<ExitStatus, ClusterError> {
        self.0.exited().await.map_err(ClusterError::Wait)
    }
}

impl LocalCluster {
    /// Starts a second process with the name and certificate of the node `name`.
    ///
    /// # Errors
    /// If there is no such node, or the process cannot be started.
    pub fn start_duplicate(&mut self, name: &str) -> Result<DuplicateNode, ClusterError> {
        let (listen, ops) = (local(self.port(None)), local(self.port(None)));
        let node = self.find(name).ok_or_else(|| ClusterError::Unknown(name.to_owned()))?;
        let log = self.home.logs().join(format!("{name}-duplicate.log"));
        let (name, kind, relay_address) = (node.name.clone(), node.kind, node.relay_address);
        let duplicate =
            ClusterMember { name, kind, listen, ops, log, relay_address, process: None };
        let (program, args) = self.command_line(&duplicate)?;
        Ok(DuplicateNode(Process::spawn(&program, &args, &duplicate.log)?))
    }
}
