//! The cards that nodes leave, so that others know where their clients connect.

use serde::{Deserialize, Serialize};
use trunkline_protocol::{Incarnation, Name};

use crate::{Directory, error::CallError, scripts::CARD_RETRACT};

/// What a node says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// The life of the node that this is about.
    pub incarnation: Incarnation,
    /// Where clients connect: a WebSocket URL.
    pub url: String,
    /// Sessions that the node has room for.
    pub capacity: u32,
    /// When the process started, in Unix milliseconds.
    pub started_at: u64,
}

impl Directory {
    /// Writes the card of `node`, whatever card was there.
    pub async fn announce(&self, node: &Name, card: &NodeRecord) -> Result<(), CallError> {
        let text = serde_json::to_string(card).expect("a card has nothing that JSON has not");
        let mut command = redis::cmd("HSET");
        command.arg(self.keys().nodes()).arg(node.as_str()).arg(text);
        self.client().query(&command).await
    }

    /// Removes the card of `node` if it is still that of the incarnation. Returns whether it was.
    pub async fn retract(&self, node: &Name, incarnation: Incarnation) -> Result<bool, CallError> {
        let arguments = (node.as_str(), incarnation.to_string());
        self.client().run(&CARD_RETRACT, &self.keys().nodes(), &arguments).await
    }

    /// The cards of all nodes, in no order. A card stays when its node is killed: whoever purges
    /// the incarnation retracts it.
    pub async fn nodes(&self) -> Result<Vec<(Name, NodeRecord)>, CallError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys().nodes());
        let fields = self.client().query(&command).await?;
        Ok(self.well_formed("nodes", fields, |node, card| {
            Some((node.parse().ok()?, serde_json::from_str(card).ok()?))
        }))
    }

    /// The card of one node, if there is one that can be read.
    pub(crate) async fn card(&self, node: &Name) -> Result<Option<NodeRecord>, CallError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys().nodes()).arg(node.as_str());
        let text: Option<Vec<u8>> = self.client().query(&command).await?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }
}
