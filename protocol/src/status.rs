//! The status stream, from a relay to an operator: one JSON object per line, over QUIC.
//!
//! The client opens one bidirectional stream and writes a [`StatusRequest`]. It reads
//! [`StatusLine`]s: the relay's history, then a [`Snapshot`] per interval with the
//! [`ClusterEvent`]s in between. Each further line from the client is a [`CommandRequest`]; a
//! [`StatusLine::Answer`] with its id answers it.
//!
//! Counters start at zero with the process that they describe; a reader derives rates from them.

mod event;
mod load;
mod snapshot;
mod trace;

pub use event::{ClusterEvent, EventKind};
pub use load::{LatencyHistogram, NodeLoad, Outcomes};
pub use snapshot::{
    LinkStatus, NodeStatus, PurgeStatus, RedisState, RelayStatus, Snapshot, TrafficFlow,
};
pub use trace::{Hop, Trace, TraceEvent};

use serde::{Deserialize, Serialize};

use crate::names::{Name, User};

/// The version of the status stream.
pub const STATUS_VERSION: u16 = 1;

/// The longest line a client may write, in bytes.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// The first line that a client writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRequest {
    /// The time between snapshots, in milliseconds; the relay keeps it between 100 and 60,000.
    pub interval_ms: u64,
}

/// A line that the relay writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StatusLine {
    /// The first line.
    Hello {
        /// The relay's [`STATUS_VERSION`].
        version: u16,
        /// The relay's name.
        relay: Name,
        /// Whether this client may send commands.
        may_act: bool,
    },
    /// The cluster's state, now or (at the start of the stream) at an earlier time.
    Snapshot(Box<Snapshot>),
    /// Something happened.
    Event(ClusterEvent),
    /// The result of a command.
    Answer {
        /// The command's id.
        id: u64,
        /// Why it failed; missing if it succeeded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The trace of the test message, if the command was a delivery test.
        #[serde(rename = "walk", default, skip_serializing_if = "Option::is_none")]
        trace: Option<Box<Trace>>,
    },
    /// A line type of a newer relay.
    #[serde(other)]
    Unknown,
}

/// A line that a client writes after the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRequest {
    /// The client's number for this command.
    pub id: u64,
    /// The command.
    #[serde(flatten)]
    pub action: AdminCommand,
}

/// A command from an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum AdminCommand {
    /// Drains a node.
    Drain {
        /// The node.
        node: Name,
    },
    /// Disconnects all sessions of a user, on every node.
    EndUser {
        /// The user.
        user: User,
    },
    /// Sends a user a test message, and traces it hop by hop.
    Test {
        /// The recipient.
        user: User,
        /// The node that accepts it; if missing, the relay picks one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<Name>,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_as_documented() {
        let hello =
            StatusLine::Hello { version: 1, relay: "relay-1".parse().unwrap(), may_act: true };
        let value = json!({"type": "hello", "version": 1, "relay": "relay-1", "may_act": true});
        assert_eq!(serde_json::to_value(&hello).unwrap(), value);

        let drain = CommandRequest {
            id: 3,
            action: AdminCommand::Drain { node: "node-1".parse().unwrap() },
        };
        let value = json!({"id": 3, "command": "drain", "node": "node-1"});
        assert_eq!(serde_json::to_value(&drain).unwrap(), value);
        assert_eq!(serde_json::from_value::<CommandRequest>(value).unwrap(), drain);

        let value = json!({"id": 4, "command": "test", "user": "bob"});
        let action = AdminCommand::Test { user: "bob".parse().unwrap(), node: None };
        let test = CommandRequest { id: 4, action };
        assert_eq!(serde_json::from_value::<CommandRequest>(value).unwrap(), test);

        let value = json!({"type": "answer", "id": 3});
        let answer = StatusLine::Answer { id: 3, error: None, trace: None };
        assert_eq!(serde_json::from_value::<StatusLine>(value).unwrap(), answer);
        assert_eq!(
            serde_json::from_value::<StatusLine>(json!({"type": "new"})).unwrap(),
            StatusLine::Unknown
        );
    }

    #[test]
    fn snapshot_round_trips() {
        let line = StatusLine::Snapshot(Box::new(snapshot::tests::example()));
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(serde_json::from_str::<StatusLine>(&text).unwrap(), line);
    }
}
