//! What a relay tells operators: one JSON object a line, over QUIC.
//!
//! The client opens one bidirectional stream and writes a [`Request`]. It reads [`Line`]s: the
//! history that the relay holds, then a [`Snapshot`] each interval with the [`Event`]s in between.
//! Each further line from the client is a [`Command`], answered by a [`Line::Answer`] with its id.
//!
//! Counters count from the start of the process they are about; a reader makes rates of them.

mod event;
mod load;
mod snapshot;
mod walk;

pub use event::{Event, EventKind};
pub use load::{Latency, Load, Outcomes};
pub use snapshot::{Flow, LinkStatus, NodeStatus, Purge, RedisState, RelayStatus, Snapshot};
pub use walk::{Step, Walk, What};

use serde::{Deserialize, Serialize};

use crate::{Name, User};

/// The version of the status stream.
pub const VERSION: u16 = 1;

/// The longest line a client may write, in bytes.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// The first line that a client writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The time between snapshots, in milliseconds; the relay keeps it between 100 and 60,000.
    pub interval_ms: u64,
}

/// A line that the relay writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// The first line.
    Hello {
        /// The relay's [`VERSION`] of this stream.
        version: u16,
        /// The relay's name.
        relay: Name,
        /// Whether this client may give commands.
        may_act: bool,
    },
    /// The cluster now, or, at the start, as it was.
    Snapshot(Box<Snapshot>),
    /// Something happened.
    Event(Event),
    /// What became of a command.
    Answer {
        /// The command's id.
        id: u64,
        /// Why it was refused; missing if it was carried out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The way of a test message, if that was the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        walk: Option<Box<Walk>>,
    },
    /// Something a newer relay writes.
    #[serde(other)]
    Unknown,
}

/// A line that a client writes after the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The client's own number for it.
    pub id: u64,
    /// What to do.
    #[serde(flatten)]
    pub action: Action,
}

/// What an operator can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Action {
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
        let hello = Line::Hello { version: 1, relay: "relay-1".parse().unwrap(), may_act: true };
        let value = json!({"type": "hello", "version": 1, "relay": "relay-1", "may_act": true});
        assert_eq!(serde_json::to_value(&hello).unwrap(), value);

        let drain = Command { id: 3, action: Action::Drain { node: "node-1".parse().unwrap() } };
        let value = json!({"id": 3, "command": "drain", "node": "node-1"});
        assert_eq!(serde_json::to_value(&drain).unwrap(), value);
        assert_eq!(serde_json::from_value::<Command>(value).unwrap(), drain);

        let value = json!({"id": 4, "command": "test", "user": "bob"});
        let action = Action::Test { user: "bob".parse().unwrap(), node: None };
        let test = Command { id: 4, action };
        assert_eq!(serde_json::from_value::<Command>(value).unwrap(), test);

        let value = json!({"type": "answer", "id": 3});
        let answer = Line::Answer { id: 3, error: None, walk: None };
        assert_eq!(serde_json::from_value::<Line>(value).unwrap(), answer);
        assert_eq!(serde_json::from_value::<Line>(json!({"type": "new"})).unwrap(), Line::Unknown);
    }

    #[test]
    fn a_snapshot_survives() {
        let line = Line::Snapshot(Box::new(snapshot::tests::example()));
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    }
}
