use serde::{Deserialize, Serialize};

use crate::{lane::ReceiptStatus, names::Name, outcome::Outcome};

/// The trace of a test message, from accept to outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The message's id, as its recipients see it.
    pub message: String,
    /// The node that accepted it.
    pub from: Name,
    /// The message's outcome.
    pub outcome: Outcome,
    /// How many of the recipient's sessions or nodes missed the message although others got it.
    pub missed: u32,
    /// The microseconds from accept to outcome, by the clock of the node that accepted it.
    pub took_us: u64,
    /// Its hops, in order.
    #[serde(rename = "steps")]
    pub hops: Vec<Hop>,
}

/// One hop of a [`Trace`].
///
/// No two clocks are compared: each process measures the time between its own hops, and the rest of
/// a round trip is split evenly between its two directions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The node or relay that reports it.
    pub at: Name,
    /// Microseconds since the message was accepted.
    pub after_us: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: TraceEvent,
}

/// What happens to a traced message at one hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum TraceEvent {
    /// A node took custody of it.
    Accepted,
    /// The node has asked the directory where the user is. Missing if it had a cached route.
    Asked,
    /// The directory answered.
    Found {
        /// The nodes where the user has sessions.
        nodes: Vec<Name>,
    },
    /// The directory did not answer, or answered with a miss that it may have to correct.
    NotAnswered,
    /// It arrived at a node of its route.
    Arrived {
        /// How many sessions the user has there.
        sessions: u32,
    },
    /// It was added to the batch for another node.
    Batched {
        /// That node.
        to: Name,
        /// The index of the lane.
        lane: u8,
    },
    /// The lane to the relay was full.
    LaneFull {
        /// The destination.
        to: Name,
    },
    /// There was no link to the relay.
    NoLink {
        /// The destination.
        to: Name,
    },
    /// The relay has forwarded it.
    Passed {
        /// The destination.
        to: Name,
        /// How many bytes were queued in the lane before it.
        behind_bytes: u64,
    },
    /// The relay has refused it.
    #[serde(rename = "turned_back")]
    Rejected {
        /// The destination.
        to: Name,
        /// Whether the lane to the destination was full; otherwise the destination has no link.
        full: bool,
    },
    /// A node has the result of its branch.
    Answered {
        /// The result.
        #[serde(rename = "verdict")]
        status: ReceiptStatus,
        /// How many sessions there missed the message although others got it.
        missed: u16,
    },
    /// The relay has forwarded the receipt.
    ReceiptPassed {
        /// The node that has sent the receipt.
        from: Name,
    },
    /// The receipt or the refusal has arrived at the node that has custody.
    CameBack {
        /// The node that has sent the receipt; of a refusal, the destination.
        from: Name,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hop_is_as_documented() {
        let hop = Hop {
            at: "node-1".parse().unwrap(),
            after_us: 620,
            what: TraceEvent::Found { nodes: vec!["node-2".parse().unwrap()] },
        };
        let value = json!({"at": "node-1", "after_us": 620, "step": "found", "nodes": ["node-2"]});
        assert_eq!(serde_json::to_value(&hop).unwrap(), value);
        assert_eq!(serde_json::from_value::<Hop>(value).unwrap(), hop);

        let what = TraceEvent::Answered { status: ReceiptStatus::NotHere, missed: 0 };
        let value = json!({"step": "answered", "verdict": "not_here", "missed": 0});
        assert_eq!(serde_json::to_value(&what).unwrap(), value);
    }
}
