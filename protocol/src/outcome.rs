//! The outcome of a send, and the id of a message.

use std::fmt;

use serde::{Deserialize, Serialize};
use ulid::ULID_LEN;

use crate::names::Incarnation;

/// The final result of an accepted send, as its receipt reports it. Each accepted send has exactly
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The socket of at least one of the recipient's live sessions took every byte.
    Delivered,
    /// The user has no session; nothing was delivered.
    Offline,
    /// A bounded queue on the path was full; nothing was delivered.
    Busy,
    /// The recipient's node could not be reached before the deadline; nothing was delivered.
    Unreachable,
    /// It was handed over and no answer came: it may have arrived.
    Unconfirmed,
}

impl Outcome {
    /// Every outcome, in the order in which counts of them are listed.
    pub const ALL: [Self; 5] =
        [Self::Delivered, Self::Offline, Self::Busy, Self::Unreachable, Self::Unconfirmed];

    /// The word for it in a receipt.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Offline => "offline",
            Self::Busy => "busy",
            Self::Unreachable => "unreachable",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message's id, unique in the cluster: the process that accepted it, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    /// The first incarnation of the accepting node's process. A pending message keeps its id when
    /// the node takes another incarnation.
    pub origin: Incarnation,
    /// Counts the node's accepted sends, from 1.
    pub seq: u64,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.origin, self.seq)
    }
}

/// The common part of the ids of one origin's messages, formatted once instead of per message.
#[derive(Clone, Copy, Debug)]
pub struct MessageIdPrefix {
    origin: [u8; ULID_LEN],
}

impl MessageIdPrefix {
    /// The prefix of the ids of the messages that `origin` accepts.
    pub fn of(origin: Incarnation) -> Self {
        Self { origin: origin.to_text() }
    }

    /// Appends the id with number `seq`, as [`MessageId`] displays it.
    pub fn write(&self, out: &mut Vec<u8>, seq: u64) {
        out.extend_from_slice(&self.origin);
        out.push(b'-');
        out.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn prefix_writes_the_id_as_it_displays(bytes: [u8; 16], seq: u64) {
            let origin = Incarnation::from_bytes(bytes);
            let mut out = Vec::new();
            MessageIdPrefix::of(origin).write(&mut out, seq);
            prop_assert_eq!(out, MessageId { origin, seq }.to_string().into_bytes());
        }
    }
}
