//! What travels on a link's control stream: length-prefixed JSON, rare and small.
//!
//! A message is a four-byte little-endian length and that many bytes of JSON. A message of a `type`
//! that the reader does not know is skipped, and so is a field; what breaks old readers takes a new
//! [`CONTROL_VERSION`].

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{
    Incarnation, Name, Outcome, User,
    status::{NodeLoad, TraceEvent},
};

/// The version of the control messages and of what they mean.
pub const CONTROL_VERSION: u16 = 1;

/// The longest control message, in bytes of JSON.
pub const CONTROL_BYTES_MAX: usize = 1024 * 1024;

/// The longest URL that a node may tell: it is told to all others.
pub const URL_BYTES_MAX: usize = 512;

/// The bytes of a message's length.
pub const LENGTH_BYTES: usize = 4;

/// What a node says to a relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRelay {
    /// The first message of a link, and again each time the node takes a new incarnation.
    Hello(Hello),
    /// The process runs.
    Heartbeat {
        /// Counts the heartbeats of this link.
        seq: u64,
    },
    /// The answer to [`ToNode::Probe`], at once.
    Probed {
        /// The probe's number.
        nonce: u64,
    },
    /// How much the node has to do.
    Load(Box<NodeLoad>),
    /// A step of a message that is traced.
    #[serde(rename = "walked")]
    Traced {
        /// Which message.
        message: TracedMessage,
        /// Microseconds since this node first saw it.
        after_us: u64,
        /// What happened.
        #[serde(flatten)]
        what: TraceEvent,
    },
    /// A test message has come to its outcome.
    Tested {
        /// The test's number.
        test: u64,
        /// Which message it was.
        message: TracedMessage,
        /// Microseconds since it was accepted.
        took_us: u64,
        /// What became of it.
        outcome: Outcome,
        /// How many of the recipient's sessions or nodes did not get what others did.
        missed: u32,
    },
    /// The node is leaving: it takes no new sessions.
    Draining,
    /// The node has left: it has unregistered everything, and its link may be closed.
    Bye,
    /// Something a newer node says.
    #[serde(other)]
    Unknown,
}

/// A message that is traced, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TracedMessage {
    /// The incarnation in its id.
    #[serde(rename = "ids")]
    pub id_incarnation: Incarnation,
    /// Its number.
    pub seq: u64,
}

/// Who a node is. Its name stands in its certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The node's [`CONTROL_VERSION`] of this protocol.
    pub version: u16,
    /// The life the node is in: its address on the lanes.
    pub incarnation: Incarnation,
    /// Where clients connect.
    pub url: String,
    /// How many sessions it takes.
    pub capacity: u32,
    /// When the process started, in Unix milliseconds.
    pub started_at_ms: u64,
    /// The program's version.
    #[serde(default)]
    pub software: String,
}

/// What a relay says to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToNode {
    /// The answer to the link's first hello.
    Welcome {
        /// The relay's [`CONTROL_VERSION`] of this protocol.
        version: u16,
        /// The relay's name.
        relay: Name,
    },
    /// The process runs.
    Heartbeat {
        /// Counts the heartbeats of this link.
        seq: u64,
    },
    /// Are you alive? Answer at once with [`ToRelay::Probed`].
    Probe {
        /// The probe's number.
        nonce: u64,
    },
    /// All nodes of the cluster as the relay knows them, whenever that changes.
    Members {
        /// Counts the changes since the relay started.
        epoch: u64,
        /// The nodes, by name.
        members: Vec<Member>,
    },
    /// The node was judged dead in that incarnation: it must take a new one.
    #[serde(rename = "condemned")]
    DeclaredDead {
        /// The incarnation that the verdict was about.
        incarnation: Incarnation,
    },
    /// An operator wants the node to leave.
    Drain,
    /// An operator ends every session of a user.
    EndUser {
        /// Whose sessions.
        user: User,
    },
    /// An operator sends a user a test message through this node, and follows it.
    Test {
        /// The test's number.
        test: u64,
        /// To whom.
        user: User,
        /// Whom it says it is from.
        from: User,
    },
    /// Something a newer relay says.
    #[serde(other)]
    Unknown,
}

/// One node, as its relay tells the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The node's name.
    pub name: Name,
    /// The life it is in.
    pub incarnation: Incarnation,
    /// What the relay thinks of it.
    pub state: MemberState,
    /// Where clients connect.
    pub url: String,
    /// How many sessions it takes.
    pub capacity: u32,
    /// How many it had when it last told.
    pub sessions: u32,
    /// It is bringing the directory back to what it holds: a look-up may miss its users.
    pub rebuilding: bool,
}

/// What the relay thinks of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// It is in the directory and has no link yet.
    Joining,
    /// Its link is up and it gives signs of life.
    Live,
    /// Its link is silent or gone, and it has not been judged.
    Suspect,
    /// It is leaving by its own will.
    Draining,
    /// It was judged dead.
    Dead,
    /// It has left by its own will.
    Left,
}

/// Why bytes from a control stream make no sense.
#[derive(Debug, Error)]
pub enum BadControl {
    /// Longer than [`CONTROL_BYTES_MAX`].
    #[error("a control message has at most {CONTROL_BYTES_MAX} bytes, this one claims {0}")]
    TooLong(u32),
    /// Not JSON, or a known message with a field missing or of the wrong form.
    #[error("a control message is not well-formed: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// A control message's bytes: its length and its JSON.
pub fn encode<M: Serialize>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut bytes, message).expect("control messages are always JSON");
    let length = (bytes.len() - LENGTH_BYTES) as u32;
    bytes[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// How many bytes of JSON follow a length.
pub fn decode_length(bytes: [u8; LENGTH_BYTES]) -> Result<usize, BadControl> {
    let length = u32::from_le_bytes(bytes);
    if length as usize > CONTROL_BYTES_MAX {
        Err(BadControl::TooLong(length))
    } else {
        Ok(length as usize)
    }
}

/// Reads a message's JSON.
pub fn decode<M: DeserializeOwned>(json: &[u8]) -> Result<M, BadControl> {
    Ok(serde_json::from_slice(json)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn survives<M: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(message: &M) {
        let bytes = encode(message);
        let (length, json) = bytes.split_first_chunk().unwrap();
        assert_eq!(decode_length(*length).unwrap(), json.len());
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
    fn messages_to_the_relay_survive() {
        survives(&ToRelay::Hello(hello()));
        survives(&ToRelay::Heartbeat { seq: u64::MAX });
        survives(&ToRelay::Probed { nonce: 3 });
        survives(&ToRelay::Load(Box::default()));
        let message = TracedMessage { id_incarnation: Incarnation::fresh(), seq: 7 };
        let what = TraceEvent::Found { nodes: vec!["node-2".parse().unwrap()] };
        survives(&ToRelay::Traced { message, after_us: 12, what });
        let outcome = Outcome::Offline;
        survives(&ToRelay::Tested { test: 1, message, took_us: 15, outcome, missed: 0 });
        survives(&ToRelay::Draining);
        survives(&ToRelay::Bye);
    }

    #[test]
    fn messages_to_the_node_survive() {
        let relay: Name = "relay-1".parse().unwrap();
        survives(&ToNode::Welcome { version: CONTROL_VERSION, relay });
        survives(&ToNode::Heartbeat { seq: 1 });
        survives(&ToNode::Probe { nonce: 2 });
        survives(&ToNode::DeclaredDead { incarnation: Incarnation::fresh() });
        survives(&ToNode::Drain);
        survives(&ToNode::EndUser { user: "bob".parse().unwrap() });
        let (user, from) = ("bob".parse().unwrap(), "admin/admin".parse().unwrap());
        survives(&ToNode::Test { test: 1, user, from });
        survives(&ToNode::Members {
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
    fn what_a_newer_program_says_is_skipped() {
        let json = br#"{"type":"teleport","to":["mars"]}"#;
        assert_eq!(decode::<ToNode>(json).unwrap(), ToNode::Unknown);
        assert_eq!(decode::<ToRelay>(json).unwrap(), ToRelay::Unknown);
        let json = br#"{"type":"heartbeat","seq":4,"mood":"good"}"#;
        assert_eq!(decode::<ToRelay>(json).unwrap(), ToRelay::Heartbeat { seq: 4 });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(matches!(decode_length([0xff; 4]), Err(BadControl::TooLong(u32::MAX))));
        assert!(decode::<ToRelay>(b"{").is_err());
        assert!(decode::<ToRelay>(br#"{"type":"heartbeat"}"#).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = (decode::<ToRelay>(&bytes).is_ok(), decode::<ToNode>(&bytes).is_ok());
        }
    }
}
