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

/// What to do after this error of the connection to `node`.
pub(super) fn after(error: &ClientError, node: &str) -> AfterEnd {
    match error {
        ClientError::Closed(closed) => after_close(closed, node),
        ClientError::Refused(refused) => after_refusal(refused, node),
        ClientError::ConnectionLost(_) => again(format!("{node} went away"), CHAT_RETRY),
        ClientError::Timeout(_) => again(format!("{node} does not answer"), CHAT_RETRY),
        ClientError::Unexpected(frame) => match frame.as_ref() {
            Frame::Error(error) => {
                let why = format!("{node} refused the login: {} ({})", error.reason, error.code);
                let may_pass = error.code == "directory_unavailable";
                if may_pass { again(why, CHAT_RETRY) } else { AfterEnd::Stop(why) }
            }
            _ => AfterEnd::Stop(error.to_string()),
        },
        _ => AfterEnd::Stop(error.to_string()),
    }
}

fn after_close(closed: &Closed, node: &str) -> AfterEnd {
    let Closed { code, reason } = closed;
    let wait = closed.retry_after().unwrap_or(CHAT_RETRY);
    let stop = |meaning: &str| AfterEnd::Stop(format!("{meaning} (close {code}: {reason})"));
    match code {
        1001 | 1012 => again(format!("{node} is draining"), wait),
        1013 => again(format!("{node} is overloaded"), wait),
        4008 => again(format!("the login at {node} timed out"), wait),
        4009 => again("this client reads too slowly".to_owned(), wait),
        4001 => stop("authentication failed"),
        4003 => stop("replaced by a newer session of this user"),
        4010 => stop("disconnected by an operator"),
        1003 | 1008 | 1009 => stop("the node rejected a frame"),
        _ => again(format!("{node} closed the connection (close {code}: {reason})"), wait),
    }
}

fn after_refusal(refused: &Refused, node: &str) -> AfterEnd {
    #[derive(Deserialize)]
    struct Full {
        nodes: Vec<String>,
    }
    if refused.status != 503 {
        return AfterEnd::Stop(format!(
            "{node} refused with status {}: {}",
            refused.status, refused.body
        ));
    }
    let full: Option<Full> = serde_json::from_str(&refused.body).ok();
    AfterEnd::Again {
        why: format!("{node} is full"),
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
        let AfterEnd::Again { wait, .. } = after(&ClientError::Closed(closed), "node-1") else {
            panic!("stops")
        };
        assert_eq!(wait, Duration::from_millis(250));
    }

    #[test]
    fn replaced_session_stays_away() {
        let closed = Closed { code: 4003, reason: String::new() };
        assert!(matches!(after(&ClientError::Closed(closed), "node-1"), AfterEnd::Stop(_)));
    }

    #[test]
    fn full_node_names_another() {
        let body = r#"{"error":"full","nodes":["ws://there/ws"]}"#.to_owned();
        let refused = Refused { status: 503, retry_after: Some(2), body };
        let AfterEnd::Again { wait, elsewhere, .. } =
            after(&ClientError::Refused(refused), "node-1")
        else {
            panic!("stops")
        };
        assert_eq!((wait, elsewhere.as_deref()), (Duration::from_secs(2), Some("ws://there/ws")));
    }
}
