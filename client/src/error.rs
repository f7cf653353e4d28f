//! Why a client could not do something.

use std::{fmt, io, time::Duration};

use thiserror::Error;
use tokio_tungstenite::tungstenite;

use crate::frame::Frame;

/// The close frame with which a node ended a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code.
    pub code: u16,
    /// The close reason.
    pub reason: String,
}

impl Closed {
    /// How long to wait before connecting again, if the reason names it as `retry_ms=N`.
    pub fn retry_after(&self) -> Option<Duration> {
        let words = self.reason.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '='));
        let number = words.filter_map(|word| word.strip_prefix("retry_ms=")).next()?;
        number.parse().ok().map(Duration::from_millis)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.reason)
    }
}

/// An HTTP response to the upgrade request that is no upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// As much of the body as came with the headers.
    pub body: String,
}

/// Why a connection, a write or a read failed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The URL is not a `ws://` URL with a host.
    #[error("{0:?} is not a client URL: write ws://HOST:PORT/ws")]
    InvalidUrl(String),
    /// The node refused the upgrade.
    #[error("the node refused the connection with status {}: {}", .0.status, .0.body)]
    Refused(Refused),
    /// The node closed the connection.
    #[error("closed by the node: {0}")]
    Closed(Closed),
    /// The connection ended without a close frame.
    #[error("connection lost: {0}")]
    ConnectionLost(String),
    /// Nothing came in time.
    #[error("timed out after {0:?}")]
    Timeout(Duration),
    /// The node sent a frame that is not allowed at this point.
    #[error("unexpected frame: {0:?}")]
    Unexpected(Box<Frame>),
    /// The node sent a frame that the protocol does not know.
    #[error("the node sent {text:?}, which is not a frame of the protocol: {source}")]
    Malformed {
        /// The frame.
        text: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The node sent a binary frame; the protocol has text frames only.
    #[error("the node sent a binary frame of {0} bytes")]
    Binary(usize),
}

impl From<tungstenite::Error> for ClientError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => {
                let header = response.headers().get("retry-after");
                let retry_after = header.and_then(|value| value.to_str().ok()?.parse().ok());
                let body = response.body().as_deref().unwrap_or_default();
                let body = String::from_utf8_lossy(body).into_owned();
                let status = response.status().as_u16();
                Self::Refused(Refused { status, retry_after, body })
            }
            other => Self::ConnectionLost(other.to_string()),
        }
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::ConnectionLost(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_reason_names_the_retry_delay() {
        let closed = |reason: &str| Closed { code: 1012, reason: reason.to_owned() };
        let wait = Some(Duration::from_millis(250));
        assert_eq!(closed("retry_ms=250").retry_after(), wait);
        assert_eq!(closed("leaving; retry_ms=250, please").retry_after(), wait);
        assert_eq!(closed("leaving").retry_after(), None);
    }
}
