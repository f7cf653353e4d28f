use serde::{Deserialize, Serialize};

use super::load::NodeLoad;
use crate::{
    membership::MemberState,
    names::{Incarnation, Name},
};

/// The cluster's state at one moment, as a relay knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When, by the relay's clock, in Unix milliseconds.
    pub at_ms: u64,
    /// The relay itself.
    pub relay: RelayStatus,
    /// All nodes that it knows, by name. A dead node stays listed for a while.
    pub nodes: Vec<NodeStatus>,
    /// The traffic between each pair of nodes.
    pub flows: Vec<TrafficFlow>,
}

/// A relay's report about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelayStatus {
    /// Its name.
    pub name: Name,
    /// The program's version.
    pub software: String,
    /// When it started, in Unix milliseconds.
    pub started_at_ms: u64,
    /// Whether Redis answers it.
    pub redis: RedisState,
    /// The problem with Redis, in its own words, and the remedy. Redis may answer and still refuse
    /// some commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis_trouble: Option<String>,
    /// Messages forwarded.
    pub forwarded: u64,
    /// Bytes of batches forwarded.
    pub forwarded_bytes: u64,
    /// Messages refused because the destination's queue was full.
    pub refused_full: u64,
    /// Messages refused because the destination had no link.
    pub refused_gone: u64,
    /// Refusals and receipts that were dropped because their queue was full or their destination
    /// had no link.
    pub dropped: u64,
    /// CPU time of the process, user and system, in milliseconds.
    pub cpu_ms: u64,
    /// Resident memory of the process, in bytes.
    pub memory_bytes: u64,
}

/// Whether Redis answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedisState {
    /// It answers.
    Up,
    /// It has not answered since then, in Unix milliseconds.
    Away {
        /// Since when.
        since_ms: u64,
    },
}

/// A node's state, as its relay knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name.
    pub name: Name,
    /// Its latest incarnation.
    pub incarnation: Incarnation,
    /// Its state, as the relay judges it.
    pub state: MemberState,
    /// The URL that clients connect to.
    pub url: String,
    /// How many sessions it accepts.
    pub capacity: u32,
    /// When its process started, in Unix milliseconds.
    pub started_at_ms: u64,
    /// The program's version.
    pub software: String,
    /// The time since its last heartbeat, in milliseconds.
    pub silent_ms: u64,
    /// Messages forwarded from it.
    pub forwarded_from: u64,
    /// Messages forwarded to it.
    pub forwarded_to: u64,
    /// Its latest load report.
    pub load: NodeLoad,
    /// When that report arrived, by the relay's clock, in Unix milliseconds; 0 if unknown.
    #[serde(default)]
    pub load_at_ms: u64,
    /// Its link, while there is one.
    pub link: Option<LinkStatus>,
    /// The progress of its purge, if it was declared dead.
    pub purge: Option<PurgeStatus>,
}

/// A link's state, as quinn reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// The node's address.
    pub address: String,
    /// When it was opened, in Unix milliseconds.
    pub since_ms: u64,
    /// The smoothed round-trip time, in microseconds.
    pub rtt_us: u64,
    /// The congestion window, in bytes.
    pub window_bytes: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Packets lost.
    pub lost_packets: u64,
    /// The bytes queued in each lane towards the node.
    pub queued_bytes: Vec<u64>,
}

/// The progress of the purge after a node's death.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeStatus {
    /// How many of its users' entries were removed.
    pub removed: u64,
    /// How many of its users are still online, on another node or in its next incarnation.
    pub kept: u64,
    /// From the last heartbeat to the declaration of death, in milliseconds.
    pub verdict_ms: u64,
    /// From the last heartbeat to the removal of the last entry, in milliseconds; missing until the
    /// purge is complete.
    pub done_ms: Option<u64>,
}

/// The traffic from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficFlow {
    /// The node that accepted them.
    pub from: Name,
    /// The node where the recipients have sessions.
    pub to: Name,
    /// How many messages were forwarded.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::status) fn example() -> Snapshot {
        let name = |text: &str| text.parse::<Name>().unwrap();
        Snapshot {
            at_ms: 1_790_000_000_000,
            relay: RelayStatus {
                name: name("relay-1"),
                software: "0.1.0".into(),
                started_at_ms: 1,
                redis: RedisState::Away { since_ms: 5 },
                redis_trouble: Some("WRONGPASS invalid".into()),
                forwarded: 2,
                forwarded_bytes: 400,
                refused_full: 1,
                refused_gone: 0,
                dropped: 0,
                cpu_ms: 12,
                memory_bytes: 9_000_000,
            },
            nodes: vec![NodeStatus {
                name: name("node-1"),
                incarnation: Incarnation::from_bytes([1; 16]),
                state: MemberState::Dead,
                url: "ws://127.0.0.1:9001/ws".into(),
                capacity: 500,
                started_at_ms: 3,
                software: "0.1.0".into(),
                silent_ms: 2_100,
                forwarded_from: 1,
                forwarded_to: 1,
                load: NodeLoad::default(),
                load_at_ms: 1_789_999_999_500,
                link: Some(LinkStatus {
                    address: "127.0.0.1:4433".into(),
                    since_ms: 4,
                    rtt_us: 150,
                    window_bytes: 12_000,
                    sent_packets: 9,
                    lost_packets: 0,
                    queued_bytes: vec![0; 5],
                }),
                purge: Some(PurgeStatus { removed: 500, kept: 2, verdict_ms: 900, done_ms: None }),
            }],
            flows: vec![TrafficFlow {
                from: name("node-1"),
                to: name("node-2"),
                messages: 2,
                bytes: 400,
            }],
        }
    }
}
