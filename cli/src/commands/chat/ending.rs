//! What a connection's end means, and what to do next.

use std::time::Duration;

use serde::Deserialize;
use trunkline_client::{ClientError, Closed, Refused};

/// How long to wait where nothing names a time.
const RETRY: Duration = Duration::from_secs(1);

/// What follows the end of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Connecting again would be wrong, or of no use.
    Stop(String),
    /// Connect again.
    Again {
        /// Why it ended.
        why: String,
        /// When.
        wait: Duration,
        /// Where there is room, if the node has said.
        elsewhere: Option<String>,
    },
}

/// Says what follows.
pub(super) fn after(ending: &ClientError) -> Next {
    match ending {
        ClientError::Closed(closed) => after_close(closed),
        ClientError::Refused(refused) => after_refusal(refused),
        ClientError::Cut(_) | ClientError::Late(_) => again(ending.to_string(), RETRY),
        ClientError::Unexpected(frame) => match frame.as_ref() {
            trunkline_client::Frame::Error(error) => {
                again(format!("the login was refused: {} ({})", error.reason, error.code), RETRY)
            }
            _ => Next::Stop(ending.to_string()),
        },
        _ => Next::Stop(ending.to_string()),
    }
}

fn after_close(closed: &Closed) -> Next {
    let code = closed.code;
    let said = if closed.reason.is_empty() { "no reason given" } else { &closed.reason };
    let why = |meaning: &str| format!("{meaning} (close {code}: {said})");
    let wait = closed.retry().unwrap_or(RETRY);
    match code {
        1001 | 1012 => again(why("the node is leaving"), wait),
        1013 => again(why("the node cannot take us now"), wait),
        4008 => again(why("the login came too late"), wait),
        4009 => again(why("we read too slowly"), wait),
        4001 => Next::Stop(why("the node does not know us")),
        4003 => Next::Stop(why("a newer session of this user took our place")),
        4010 => Next::Stop(why("an operator ended the session")),
        1003 | 1008 | 1009 => Next::Stop(why("the node does not take what we sent")),
        _ => again(why("the node ended the connection"), wait),
    }
}

fn after_refusal(refused: &Refused) -> Next {
    #[derive(Deserialize)]
    struct Full {
        nodes: Vec<String>,
    }
    if refused.status != 503 {
        return Next::Stop(format!("refused with status {}: {}", refused.status, refused.body));
    }
    let full: Option<Full> = serde_json::from_str(&refused.body).ok();
    Next::Again {
        why: "the node is full".to_owned(),
        wait: refused.retry_after.map_or(RETRY, Duration::from_secs),
        elsewhere: full.and_then(|full| full.nodes.into_iter().next()),
    }
}

fn again(why: String, wait: Duration) -> Next {
    Next::Again { why, wait, elsewhere: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_leaves_says_when_to_come_back() {
        let closed = Closed { code: 1012, reason: "retry_ms=250".to_owned() };
        let Next::Again { wait, .. } = after(&ClientError::Closed(closed)) else { panic!("stops") };
        assert_eq!(wait, Duration::from_millis(250));
    }

    #[test]
    fn a_replaced_session_does_not_fight_back() {
        let closed = Closed { code: 4003, reason: String::new() };
        assert!(matches!(after(&ClientError::Closed(closed)), Next::Stop(_)));
    }

    #[test]
    fn a_full_node_names_another() {
        let body = r#"{"error":"full","nodes":["ws://there/ws"]}"#.to_owned();
        let refused = Refused { status: 503, retry_after: Some(2), body };
        let Next::Again { wait, elsewhere, .. } = after(&ClientError::Refused(refused)) else {
            panic!("stops")
        };
        assert_eq!((wait, elsewhere.as_deref()), (Duration::from_secs(2), Some("ws://there/ws")));
    }
}
