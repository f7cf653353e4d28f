use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A tab of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
pub enum Tab {
    /// The nodes, and charts of the cluster.
    #[default]
    Nodes,
    /// The relay and the nodes around it.
    Map,
    /// Message rates from node to node.
    Traffic,
    /// Rates and gauges over time.
    Charts,
    /// The log of cluster events.
    Events,
    /// The users and the nodes that they are on.
    Users,
    /// The sends by outcome and node.
    Outcomes,
}
