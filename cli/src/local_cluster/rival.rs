//! A second process with the name of a node.

use std::process::ExitStatus;

use super::{Cluster, ClusterError, Member, local, process::Process};

/// A second process with the name of one of a cluster's nodes. Dropping it kills it.
#[derive(Debug)]
pub struct Rival(Process);

impl Rival {
    /// Waits until it has ended by itself. Cancel-safe.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub async fn ended(&mut self) -> Result<ExitStatus, ClusterError> {
        self.0.exited().await.map_err(ClusterError::Wait)
    }
}

impl Cluster {
    /// Starts a second process with the name and the certificate of the node `name`.
    ///
    /// # Errors
    /// If there is no such node, or no process can be started.
    pub fn start_rival(&mut self, name: &str) -> Result<Rival, ClusterError> {
        let (listen, ops) = (local(self.port(None)), local(self.port(None)));
        let node = self.find(name).ok_or_else(|| ClusterError::Unknown(name.to_owned()))?;
        let log = self.home.logs().join(format!("{name}-rival.log"));
        let (name, kind, dials) = (node.name.clone(), node.kind, node.dials);
        let rival = Member { name, kind, listen, ops, log, dials, process: None };
        let (program, args) = self.command_line(&rival)?;
        Ok(Rival(Process::spawn(&program, &args, &rival.log)?))
    }
}
