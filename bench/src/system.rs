//! A system under test: its nodes' addresses and its processes.

use std::net::SocketAddr;

use crate::{
    meter::{ServerProcess, ServerRole},
    nats_cluster::NatsCluster,
};
use trunkline_cli::local_cluster::{LocalCluster, MemberKind};

/// A running system under test.
#[derive(Clone, Debug)]
pub struct System {
    /// The address of each node's WebSocket.
    pub nodes: Vec<SocketAddr>,
    /// Every server process.
    pub servers: Vec<ServerProcess>,
}

impl System {
    /// The address of the node `number`, modulo the number of nodes.
    pub fn node(&self, number: usize) -> SocketAddr {
        self.nodes[number % self.nodes.len()]
    }
}

impl From<&LocalCluster> for System {
    fn from(cluster: &LocalCluster) -> Self {
        let role = |kind| match kind {
            MemberKind::Node => Some(ServerRole::Node),
            MemberKind::Relay => Some(ServerRole::Relay),
            MemberKind::Redis => Some(ServerRole::Redis),
            MemberKind::Window => None,
        };
        let nodes = cluster.members().filter(|member| member.kind() == MemberKind::Node);
        let servers = cluster.members().filter_map(|member| {
            Some(ServerProcess { role: role(member.kind())?, pid: member.process()?.pid })
        });
        Self { nodes: nodes.map(|node| node.address()).collect(), servers: servers.collect() }
    }
}

impl From<&NatsCluster> for System {
    fn from(cluster: &NatsCluster) -> Self {
        let servers = cluster.pids().map(|pid| ServerProcess { role: ServerRole::Node, pid });
        Self { nodes: cluster.addresses(), servers: servers.collect() }
    }
}
