//! Whether and where to connect again after a connection has ended.

use std::time::Duration;

use serde::Deserialize;
use trunkline_client::{ClientError, Closed, Frame, Refused};

use crate::defaults::CHAT_RETRY;

/// What to do after a connection has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AfterEnd {
    /// Do not connect again, for this reason.
    Stop(String),
    /// Connect again.
    Again {
        /// Why it ended.
        why: String,
        /// How long to wait first.
        wait: Duration,
        /// The URL of another node with room, if the node named one.
        elsewhere: Option<String>,
    },
}

/// What to do after this error.
pub(super) fn after(error: &ClientError) -> AfterEnd {
    match error {
        ClientError::Closed(closed) => after_close(closed),
        ClientError::Refused(refused) => after_refusal(refused),
        ClientError::ConnectionLost(_) | ClientError::Timeout(_) => {
            again(error.to_string(), CHAT_RETRY)
        }
        ClientError::Unexpected(frame) => match frame.as_ref() {
            Frame::Error(error) => {
                again(format!("login refused: {} ({})", error.reason, error.code), CHAT_RETRY)
            }
            _ => AfterEnd::Stop(error.to_string()),
        },
        _ => AfterEnd::Stop(error.to_string()),
    }
}

fn after_close(closed: &Closed) -> AfterEnd {
    let code = closed.code;
    let said = if closed.reason.is_empty() { "no reason given" } else { &closed.reason };
    let why = |meaning: &str| format!("{meaning} (close {code}: {said})");
    let wait = closed.retry_after().unwrap_or(CHAT_RETRY);
    match code {
        1001 | 1012 => again(why("the node is draining"), wait),
        1013 => again(why("the node is overloaded"), wait),
        4008 => again(why("login timed out"), wait),
        4009 => again(why("this client reads too slowly"), wait),
        4001 => AfterEnd::Stop(why("authentication failed")),
        4003 => AfterEnd::Stop(why("replaced by a newer session of this user")),
        4010 => AfterEnd::Stop(why("disconnected by an operator")),
        1003 | 1008 | 1009 => AfterEnd::Stop(why("the node rejected a frame")),
        _ => again(why("connection closed"), wait),
    }
}

fn after_refusal(refused: &Refused) -> AfterEnd {
    #[derive(Deserialize)]
    struct Full {
        nodes: Vec<String>,
    }
    if refused.status != 503 {
        return AfterEnd::Stop(format!("refused with status {}: {}", refused.status, refused.body));
    }
    let full: Option<Full> = serde_json::from_str(&refused.body).ok();
    AfterEnd::Again {
        why: "the node is full".to_owned(),
        wait: refused.retry_after.map_or(CHAT_RETRY, Duration::from_secs),
        elsewhere: full.and_then(|full| full.nodes.into_iter().next()),
    }
}

fn again(why: String, wait: Duration) -> AfterEnd {
    AfterEnd::Again { why, wait, elsewhere: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_node_sets_the_retry_delay() {
        let closed = Closed { code: 1012, reason: "retry_ms=250".to_owned() };
        let AfterEnd::Again { wait, .. } = after(&ClientError::Closed(closed)) else {
            panic!("stops")
        };
        assert_eq!(wait, Duration::from_millis(250));
    }

    #[test]
    fn replaced_session_stays_away() {
        let closed = Closed { code: 4003, reason: String::new() };
        assert!(matches!(after(&ClientError::Closed(closed)), AfterEnd::Stop(_)));
    }

    #[test]
    fn full_node_names_another() {
        let body = r#"{"error":"full","nodes":["ws://there/ws"]}"#.to_owned();
        let refused = Refused { status: 503, retry_after: Some(2), body };
        let AfterEnd::Again { wait, elsewhere, .. } = after(&ClientError::Refused(refused)) else {
            panic!("stops")
        };
        assert_eq!((wait, elsewhere.as_deref()), (Duration::from_secs(2), Some("ws://there/ws")));
    }
}
