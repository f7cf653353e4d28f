//! A system under test: where its nodes are, and which processes it consists of.

use std::net::SocketAddr;

use crate::{
    meter::{Part, Server},
    nats::NatsCluster,
};
use trunkline_cli::local_cluster::{Cluster, Kind};

/// A running system under test.
#[derive(Clone, Debug)]
pub struct System {
    /// Where each node's WebSocket is.
    pub nodes: Vec<SocketAddr>,
    /// Every server process.
    pub servers: Vec<Server>,
}

impl System {
    /// The address of a node, counted from 0 and on from the first after the last.
    pub fn node(&self, number: usize) -> SocketAddr {
        self.nodes[number % self.nodes.len()]
    }
}

impl From<&Cluster> for System {
    fn from(cluster: &Cluster) -> Self {
        let part = |kind| match kind {
            Kind::Node => Some(Part::Node),
            Kind::Relay => Some(Part::Relay),
            Kind::Redis => Some(Part::Redis),
            Kind::Window => None,
        };
        let nodes = cluster.members().filter(|member| member.kind() == Kind::Node);
        let servers = cluster.members().filter_map(|member| {
            Some(Server { part: part(member.kind())?, pid: member.process()?.pid })
        });
        Self { nodes: nodes.map(|node| node.address()).collect(), servers: servers.collect() }
    }
}

impl From<&NatsCluster> for System {
    fn from(cluster: &NatsCluster) -> Self {
        let servers = cluster.pids().map(|pid| Server { part: Part::Node, pid });
        Self { nodes: cluster.addresses(), servers: servers.collect() }
    }
}
