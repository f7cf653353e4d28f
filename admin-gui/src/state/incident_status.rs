use trunkline_protocol::Name;

use super::send_counts::SendCounts;

/// What an incident began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncidentCause {
    /// The relay was started again.
    RelayRestarted,
    /// Redis did not answer the relay.
    RedisAway,
    /// A node was suspect or declared dead.
    Node(Name),
    /// No node was present.
    NoNode,
    /// Sends failed.
    FailedSends,
}

/// An incident as it is at one moment.
#[derive(Clone, Debug)]
pub struct IncidentStatus {
    /// What it began with.
    pub cause: IncidentCause,
    /// When it began, in Unix milliseconds.
    pub from_ms: u64,
    /// When the last of it was seen; `None` while it lasts.
    pub until_ms: Option<u64>,
    /// What was counted from its begin to its end.
    pub sends: SendCounts,
}
