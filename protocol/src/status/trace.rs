use serde::{Deserialize, Serialize};

use crate::{Name, Outcome, lane::ReceiptStatus};

/// A test message's way to its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The message's id, as its recipients see it.
    pub message: String,
    /// The node that accepted it.
    pub from: Name,
    /// What became of it.
    pub outcome: Outcome,
    /// How many of the recipient's sessions or nodes did not get what others did.
    pub missed: u32,
    /// The microseconds from accept to outcome, by the clock of the node that accepted it.
    pub took_us: u64,
    /// Its steps, in order.
    #[serde(rename = "steps")]
    pub hops: Vec<Hop>,
}

/// One step of a [`Trace`].
///
/// No two clocks are compared: each process measures the time between its own steps, and what is
/// left of the way there and back is split evenly between the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The node or relay where it was taken.
    pub at: Name,
    /// Microseconds since the message was accepted.
    pub after_us: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: TraceEvent,
}

/// What happens to a message on its walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum TraceEvent {
    /// A node took custody of it.
    Accepted,
    /// The directory was asked where the user is. Without this step, the node knew a route.
    Asked,
    /// The directory answered.
    Found {
        /// The nodes that have the user; none if the user is nowhere.
        nodes: Vec<Name>,
    },
    /// The directory could not be asked, or what it said could not be believed yet.
    NotAnswered,
    /// It came to a node that was said to have the user.
    Arrived {
        /// The sessions that the user has there.
        sessions: u32,
    },
    /// It went into the batch for another node.
    Batched {
        /// Which node.
        to: Name,
        /// On which lane.
        lane: u8,
    },
    /// The lane to the relay was full.
    LaneFull {
        /// The node that it was meant for.
        to: Name,
    },
    /// There was no link to the relay.
    NoLink {
        /// The node that it was meant for.
        to: Name,
    },
    /// The relay passed it on.
    Passed {
        /// To which node.
        to: Name,
        /// The bytes that waited in the lane before it.
        behind_bytes: u64,
    },
    /// The relay sent it back.
    #[serde(rename = "turned_back")]
    Rejected {
        /// The node that it was meant for.
        to: Name,
        /// Whether the lane to that node was full; else the node has no link.
        full: bool,
    },
    /// The user's sessions on a node have answered, or there are none.
    Answered {
        /// What became of it there.
        #[serde(rename = "verdict")]
        status: ReceiptStatus,
        /// How many sessions there did not get what others did.
        missed: u16,
    },
    /// The relay passed the receipt back.
    ReceiptPassed {
        /// Of which node.
        from: Name,
    },
    /// The receipt, or the refusal, came back to the node that has custody.
    CameBack {
        /// From which node; of a refusal, the one that it was meant for.
        from: Name,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_is_as_documented() {
        let step = Hop {
            at: "node-1".parse().unwrap(),
            after_us: 620,
            what: TraceEvent::Found { nodes: vec!["node-2".parse().unwrap()] },
        };
        let value = json!({"at": "node-1", "after_us": 620, "step": "found", "nodes": ["node-2"]});
        assert_eq!(serde_json::to_value(&step).unwrap(), value);
        assert_eq!(serde_json::from_value::<Hop>(value).unwrap(), step);

        let what = TraceEvent::Answered { status: ReceiptStatus::NotHere, missed: 0 };
        let value = json!({"step": "answered", "verdict": "not_here", "missed": 0});
        assert_eq!(serde_json::to_value(&what).unwrap(), value);
    }
}
