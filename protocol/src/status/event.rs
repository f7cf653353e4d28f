use serde::{Deserialize, Serialize};

use crate::{Incarnation, Name};

/// Something that happened in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterEvent {
    /// When, by the relay's clock, in Unix milliseconds.
    pub at_ms: u64,
    /// The node it concerns, if it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Name>,
    /// The life that the node was in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// A node's link was opened.
    Joined,
    /// A node's link is silent or gone.
    Suspect,
    /// A suspect node gave a sign of life.
    Recovered,
    /// A node was judged dead.
    Dead {
        /// From the last sign of life to the verdict, in milliseconds.
        verdict_ms: u64,
    },
    /// A dead node's users were removed from the directory.
    Cleaned {
        /// Entries of its users that were removed.
        removed: u64,
        /// Users of it who are still online elsewhere: on another node, or in its next life.
        kept: u64,
        /// From the last sign of life to the last entry's removal, in milliseconds.
        done_ms: u64,
    },
    /// A node takes no new sessions and is leaving.
    Draining,
    /// A node has left by its own will.
    Left,
    /// A connection was turned away.
    Refused {
        /// Why.
        reason: String,
    },
    /// Sessions were ended because they read too slowly.
    SlowReaders {
        /// How many.
        count: u64,
    },
    /// Redis does not answer.
    RedisAway,
    /// Redis answers again.
    RedisBack,
    /// An operator gave a command.
    Commanded {
        /// Who, and what.
        command: String,
    },
    /// A certificate is near its end.
    CertificateEnding {
        /// Whose.
        subject: String,
        /// How many days it has left.
        days: u64,
    },
    /// The status stream was lost. A relay does not write this: its readers note it for themselves,
    /// and keep it in their recordings.
    RelayLost {
        /// Why.
        reason: String,
    },
    /// The status stream is read again.
    RelayBack,
    /// Something a newer relay reports.
    #[serde(other)]
    Unknown,
}
