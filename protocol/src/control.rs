//! The messages on a link's control stream: length-prefixed JSON, rare and small.
//!
//! A message is a four-byte little-endian length and that many bytes of JSON. A reader skips
//! messages of an unknown `type` and unknown fields; a change that breaks old readers needs a new
//! [`CONTROL_VERSION`].

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

pub use crate::membership::{Member, MemberState};
use crate::{
    names::{Incarnation, Name, User},
    outcome::Outcome,
    status::{NodeLoad, TraceEvent},
};

/// The version of the control messages and of their meaning.
pub const CONTROL_VERSION: u16 = 1;

/// The longest control message, in bytes of JSON.
pub const CONTROL_BYTES_MAX: usize = 1024 * 1024;

/// The longest URL that a node may announce. It is bounded because every other node receives it.
pub const URL_BYTES_MAX: usize = 512;

/// The size of the length before each message.
pub const LENGTH_BYTES: usize = 4;

/// A message from a node to a relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRelay {
    /// The first message of a link, repeated each time the node takes a new incarnation.
    Hello(Hello),
    /// Shows that the process runs.
    Heartbeat {
        /// Counts the heartbeats of this link.
        seq: u64,
    },
    /// The immediate answer to [`ToNode::Probe`].
    Probed {
        /// The probe's number.
        nonce: u64,
    },
    /// The node's counters and gauges.
    Load(Box<NodeLoad>),
    /// A hop of a traced message.
    #[serde(rename = "walked")]
    Traced {
        /// The message.
        message: TracedMessage,
        /// Microseconds since this node first saw it.
        after_us: u64,
        /// What happened.
        #[serde(flatten)]
        what: TraceEvent,
    },
    /// A test message has its outcome.
    Tested {
        /// The test's number.
        test: u64,
        /// The test message.
        message: TracedMessage,
        /// Microseconds from accept to outcome.
        took_us: u64,
        /// The outcome.
        outcome: Outcome,
        /// How many of the recipient's sessions or nodes missed a message that others got.
        missed: u32,
    },
    /// The node is shutting down and accepts no new sessions.
    Draining,
    /// The node has deregistered all its users: the relay may close the link.
    Bye,
    /// A message type of a newer node.
    #[serde(other)]
    Unknown,
}

/// The id of a traced message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TracedMessage {
    /// The incarnation in its id.
    #[serde(rename = "ids")]
    pub id_incarnation: Incarnation,
    /// Its number.
    pub seq: u64,
}

/// A node's introduction. Its name comes from its certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The node's [`CONTROL_VERSION`].
    pub version: u16,
    /// The node's current incarnation: its address on the lanes.
    pub incarnation: Incarnation,
    /// The URL that clients connect to.
    pub url: String,
    /// How many sessions it accepts.
    pub capacity: u32,
    /// When the process started, in Unix milliseconds.
    pub started_at_ms: u64,
    /// The program's version.
    #[serde(default)]
    pub software: String,
}

/// A message from a relay to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToNode {
    /// The answer to the link's first hello.
    Welcome {
        /// The relay's [`CONTROL_VERSION`].
        version: u16,
        /// The relay's name.
        relay: Name,
    },
    /// Shows that the process runs.
    Heartbeat {
        /// Counts the heartbeats of this link.
        seq: u64,
    },
    /// A liveness probe: the node answers at once with [`ToRelay::Probed`].
    Probe {
        /// The probe's number.
        nonce: u64,
    },
    /// The member list, sent each time it changes.
    Members {
        /// Counts the changes since the relay started.
        epoch: u64,
        /// The nodes, by name.
        members: Vec<Member>,
    },
    /// The relay has declared this incarnation dead: the node must take a new one.
    #[serde(rename = "condemned")]
    DeclaredDead {
        /// The incarnation that was declared dead.
        incarnation: Incarnation,
    },
    /// An operator drains the node.
    Drain,
    /// An operator disconnects all sessions of a user.
    EndUser {
        /// The user.
        user: User,
    },
    /// An operator sends a user a traced test message through this node.
    Test {
        /// The test's number.
        test: u64,
        /// The recipient.
        user: User,
        /// The sender that the message names.
        from: User,
    },
    /// A message type of a newer relay.
    #[serde(other)]
    Unknown,
}

/// Why bytes from a control stream are malformed.
#[derive(Debug, Error)]
pub enum BadControl {
    /// Longer than [`CONTROL_BYTES_MAX`].
    #[error("a control message has at most {CONTROL_BYTES_MAX} bytes, this one is longer")]
    TooLong,
    /// Not JSON, or a known message with a missing or wrong field.
    #[error("a control message is not well-formed: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// Encodes a message: its length and its JSON.
pub fn encode<M: Serialize>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut bytes, message).expect("control messages are always JSON");
    let length = (bytes.len() - LENGTH_BYTES) as u32;
    bytes[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// Decodes a message's JSON, without its length.
pub fn decode<M: DeserializeOwned>(json: &[u8]) -> Result<M, BadControl> {
    Ok(serde_json::from_slice(json)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_round_trip<M>(message: &M)
    where
        M: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let bytes = encode(message);
        let (length, json) = bytes.split_first_chunk().unwrap();
        assert_eq!(u32::from_le_bytes(*length) as usize, json.len());
        assert_eq!(&decode::<M>(json).unwrap(), message);
    }

    fn hello() -> Hello {
        Hello {
            version: CONTROL_VERSION,
            incarnation: Incarnation::fresh(),
            url: "ws://127.0.0.1:9001/ws".into(),
            capacity: 500,
            started_at_ms: 1_790_000_000_000,
            software: "0.1.0".into(),
        }
    }

    #[test]
    fn messages_to_the_relay_round_trip() {
        assert_round_trip(&ToRelay::Hello(hello()));
        assert_round_trip(&ToRelay::Heartbeat { seq: u64::MAX });
        assert_round_trip(&ToRelay::Probed { nonce: 3 });
        assert_round_trip(&ToRelay::Load(Box::default()));
        let message = TracedMessage { id_incarnation: Incarnation::fresh(), seq: 7 };
        let what = TraceEvent::Found { nodes: vec!["node-2".parse().unwrap()] };
        assert_round_trip(&ToRelay::Traced { message, after_us: 12, what });
        let outcome = Outcome::Offline;
        assert_round_trip(&ToRelay::Tested { test: 1, message, took_us: 15, outcome, missed: 0 });
        assert_round_trip(&ToRelay::Draining);
        assert_round_trip(&ToRelay::Bye);
    }

    #[test]
    fn messages_to_the_node_round_trip() {
        let relay: Name = "relay-1".parse().unwrap();
        assert_round_trip(&ToNode::Welcome { version: CONTROL_VERSION, relay });
        assert_round_trip(&ToNode::Heartbeat { seq: 1 });
        assert_round_trip(&ToNode::Probe { nonce: 2 });
        assert_round_trip(&ToNode::DeclaredDead { incarnation: Incarnation::fresh() });
        assert_round_trip(&ToNode::Drain);
        assert_round_trip(&ToNode::EndUser { user: "bob".parse().unwrap() });
        let (user, from) = ("bob".parse().unwrap(), "admin/admin".parse().unwrap());
        assert_round_trip(&ToNode::Test { test: 1, user, from });
        assert_round_trip(&ToNode::Members {
            epoch: 7,
            members: vec![Member {
                name: "node-1".parse().unwrap(),
                incarnation: Incarnation::fresh(),
                state: MemberState::Suspect,
                url: "ws://h/ws".into(),
                capacity: 500,
                sessions: 20,
                rebuilding: true,
            }],
        });
    }

    #[test]
    fn unknown_types_and_fields_are_skipped() {
        let json = br#"{"type":"teleport","to":["mars"]}"#;
        assert_eq!(decode::<ToNode>(json).unwrap(), ToNode::Unknown);
        assert_eq!(decode::<ToRelay>(json).unwrap(), ToRelay::Unknown);
        let json = br#"{"type":"heartbeat","seq":4,"mood":"good"}"#;
        assert_eq!(decode::<ToRelay>(json).unwrap(), ToRelay::Heartbeat { seq: 4 });
    }

    #[test]
    fn json_that_is_cut_or_lacks_a_field_is_malformed() {
        assert!(decode::<ToRelay>(b"{").is_err());
        assert!(decode::<ToRelay>(br#"{"type":"heartbeat"}"#).is_err());
    }

    proptest! {
        #[test]
        fn decoding_any_bytes_does_not_panic(bytes: Vec<u8>) {
            let _ = (decode::<ToRelay>(&bytes).is_ok(), decode::<ToNode>(&bytes).is_ok());
        }
    }
}
