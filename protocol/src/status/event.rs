use serde::{Deserialize, Serialize};

use crate::names::{Incarnation, Name};

/// An event in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterEvent {
    /// When, by the relay's clock, in Unix milliseconds.
    pub at_ms: u64,
    /// The node that it concerns, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Name>,
    /// The node's incarnation at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What an event reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// A node has opened its link.
    Joined,
    /// A node's link is silent or lost.
    Suspect,
    /// A heartbeat of a suspect node has arrived.
    Recovered,
    /// A node was declared dead.
    Dead {
        /// From the last heartbeat to the declaration, in milliseconds.
        verdict_ms: u64,
    },
    /// The purge of a dead node's users from the directory is complete.
    Cleaned {
        /// How many of its users' entries were removed.
        removed: u64,
        /// How many of its users are still online, on another node or in its next incarnation.
        kept: u64,
        /// From the last heartbeat to the removal of the last entry, in milliseconds.
        done_ms: u64,
    },
    /// A node is shutting down and accepts no new sessions.
    Draining,
    /// A node has completed its shutdown.
    Left,
    /// A connection was rejected.
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
    /// An operator has sent a command.
    Commanded {
        /// The operator and the command.
        command: String,
    },
    /// A certificate expires soon.
    CertificateEnding {
        /// The certificate's subject.
        subject: String,
        /// How many days are left.
        days: u64,
    },
    /// The status stream was lost. A reader adds this event to its own recording; a relay never
    /// writes it.
    RelayLost {
        /// Why.
        reason: String,
    },
    /// The status stream is connected again. Added by a reader, like [`Self::RelayLost`].
    RelayBack,
    /// An event kind of a newer relay.
    #[serde(other)]
    Unknown,
}
