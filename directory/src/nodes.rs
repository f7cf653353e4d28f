//! The nodes' public records, by which others learn where a node's clients connect.

use redis::Cmd;
use serde::{Deserialize, Serialize};
use trunkline_protocol::{Incarnation, Name};

use crate::{
    directory::{Directory, well_formed},
    error::CallError,
    scripts::RECORD_RETRACT,
};

/// A node's public record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// The node's incarnation.
    pub incarnation: Incarnation,
    /// The WebSocket URL that clients connect to.
    pub url: String,
    /// How many sessions the node accepts.
    pub capacity: u32,
    /// When the process started, in Unix milliseconds.
    pub started_at: u64,
}

impl Directory {
    /// Writes the record of `node`, and replaces any other.
    pub async fn announce(&self, node: &Name, record: &NodeRecord) -> Result<(), CallError> {
        let text = serde_json::to_string(record).expect("a record is always JSON");
        self.client().query(&Cmd::hset(self.keys().nodes(), node.as_str(), text)).await
    }

    /// Removes the record of `node` if it is that of the incarnation. Returns whether it was.
    pub async fn retract(&self, node: &Name, incarnation: Incarnation) -> Result<bool, CallError> {
        let arguments = (node.as_str(), incarnation.to_string());
        self.client().run(&RECORD_RETRACT, &self.keys().nodes(), &arguments).await
    }

    /// The records of all nodes, in no order. The record of a node that was killed stays until its
    /// incarnation is purged.
    pub async fn nodes(&self) -> Result<Vec<(Name, NodeRecord)>, CallError> {
        let fields = self.client().query(&Cmd::hgetall(self.keys().nodes())).await?;
        Ok(well_formed("nodes", fields, |node, record| {
            Some((node.parse().ok()?, serde_json::from_str(record).ok()?))
        }))
    }

    /// The record of one node, if there is a well-formed one.
    pub(crate) async fn record(&self, node: &Name) -> Result<Option<NodeRecord>, CallError> {
        let command = Cmd::hget(self.keys().nodes(), node.as_str());
        let text: Option<Vec<u8>> = self.client().query(&command).await?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }
}
