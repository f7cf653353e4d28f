use serde::{Deserialize, Serialize};

use super::NodeLoad;
use crate::{Incarnation, Name, control::MemberState};

/// The cluster at one moment, as a relay knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When, by the relay's clock, in Unix milliseconds.
    pub at_ms: u64,
    /// The relay itself.
    pub relay: RelayStatus,
    /// Every node it knows, by name; a dead one stays for a while.
    pub nodes: Vec<NodeStatus>,
    /// Who sends how much to whom.
    pub flows: Vec<TrafficFlow>,
}

/// A relay, as it sees itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelayStatus {
    /// Its name.
    pub name: Name,
    /// The program's version.
    pub software: String,
    /// When it started, in Unix milliseconds.
    pub started_at_ms: u64,
    /// Whether it reaches Redis.
    pub redis: RedisState,
    /// What is wrong with Redis, in its words, and what helps. It may answer and refuse some things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis_trouble: Option<String>,
    /// Messages passed on.
    pub forwarded: u64,
    /// Bytes of batches passed on.
    pub forwarded_bytes: u64,
    /// Messages sent back because the destination's queue was full.
    pub refused_full: u64,
    /// Messages sent back because the destination had no link.
    pub refused_gone: u64,
    /// Refusals and receipts that could not be passed on, because their queue was full or their
    /// destination gone.
    pub dropped: u64,
    /// CPU time of the process, user and system, in milliseconds.
    pub cpu_ms: u64,
    /// Resident memory of the process, in bytes.
    pub memory_bytes: u64,
}

/// Whether a program reaches Redis.
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

/// A node, as its relay sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name.
    pub name: Name,
    /// The life it is, or was last, in.
    pub incarnation: Incarnation,
    /// What the relay thinks of it.
    pub state: MemberState,
    /// Where clients connect.
    pub url: String,
    /// How many sessions it takes.
    pub capacity: u32,
    /// When its process started, in Unix milliseconds.
    pub started_at_ms: u64,
    /// The program's version.
    pub software: String,
    /// How long ago it gave the last sign of life, in milliseconds.
    pub silent_ms: u64,
    /// Messages that came from it and were passed on.
    pub forwarded_from: u64,
    /// Messages that were passed on to it.
    pub forwarded_to: u64,
    /// What it last told of itself.
    pub load: NodeLoad,
    /// When it told that, by the relay's clock, in Unix milliseconds; 0 if that is not known.
    #[serde(default)]
    pub load_at_ms: u64,
    /// Its link, while there is one.
    pub link: Option<LinkStatus>,
    /// What its clean-up came to, if it was judged dead.
    pub purge: Option<PurgeStatus>,
}

/// A link, in quinn's figures.
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
    /// The bytes that wait for each lane towards the node.
    pub queued_bytes: Vec<u64>,
}

/// What the clean-up after a dead node came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeStatus {
    /// Entries of its users that were removed.
    pub removed: u64,
    /// Users of it who are still online elsewhere: on another node, or in its next life.
    pub kept: u64,
    /// From the last sign of life to the verdict, in milliseconds.
    pub verdict_ms: u64,
    /// From the last sign of life to the last entry's removal, in milliseconds; missing while it
    /// is still under way.
    pub done_ms: Option<u64>,
}

/// The messages from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficFlow {
    /// The node that accepted them.
    pub from: Name,
    /// The node that has their recipients.
    pub to: Name,
    /// How many were passed on.
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
