//! What a relay tells operators: one JSON object a line, over QUIC.
//!
//! The client opens one bidirectional stream and writes a [`StatusRequest`]. It reads [`StatusLine`]s: the
//! history that the relay holds, then a [`Snapshot`] each interval with the [`ClusterEvent`]s in between.
//! Each further line from the client is a [`CommandRequest`], answered by a [`StatusLine::Answer`] with its id.
//!
//! Counters count from the start of the process they are about; a reader makes rates of them.

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

use crate::{Name, User};

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
        /// The relay's [`STATUS_VERSION`] of this stream.
        version: u16,
        /// The relay's name.
        relay: Name,
        /// Whether this client may give commands.
        may_act: bool,
    },
    /// The cluster now, or, at the start, as it was.
    Snapshot(Box<Snapshot>),
    /// Something happened.
    Event(ClusterEvent),
    /// What became of a command.
    Answer {
        /// The command's id.
        id: u64,
        /// Why it was refused; missing if it was carried out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The way of a test message, if that was the command.
        #[serde(rename = "walk", default, skip_serializing_if = "Option::is_none")]
        trace: Option<Box<Trace>>,
    },
    /// Something a newer relay writes.
    #[serde(other)]
    Unknown,
}

/// A line that a client writes after the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRequest {
    /// The client's own number for it.
    pub id: u64,
    /// What to do.
    #[serde(flatten)]
    pub action: AdminCommand,
}

/// What an operator can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum AdminCommand {
    /// Tells a node to leave.
    Drain {
        /// Which node.
        node: Name,
    },
    /// Ends every session of a user, on every node.
    EndUser {
        /// Whose sessions.
        user: User,
    },
    /// Sends a user a test message, and follows it step by step.
    Test {
        /// To whom.
        user: User,
        /// Which node accepts it; without it, one that the relay picks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<Name>,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_as_documented() {
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
    fn a_snapshot_survives() {
        let line = StatusLine::Snapshot(Box::new(snapshot::tests::example()));
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(serde_json::from_str::<StatusLine>(&text).unwrap(), line);
    }
}
