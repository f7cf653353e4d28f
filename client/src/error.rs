//! What can go wrong between a client and its node.

use std::{fmt, io, time::Duration};

use thiserror::Error;
use tokio_tungstenite::tungstenite;

use super::Frame;

/// How a node closed a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code.
    pub code: u16,
    /// The close reason.
    pub reason: String,
}

impl Closed {
    /// How long to wait before connecting again, if the reason names it as `retry_ms=N`.
    pub fn retry(&self) -> Option<Duration> {
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

/// An answer to the upgrade request that was no upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// As much of the body as came with the head.
    pub body: String,
}

/// Why something could not be done or did not come.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Not a `ws://` URL with a host.
    #[error("{0:?} is no client URL: it looks like ws://127.0.0.1:9001/ws")]
    Url(String),
    /// The node refused the upgrade.
    #[error("refused with status {}: {}", .0.status, .0.body)]
    Refused(Refused),
    /// The node closed the connection.
    #[error("closed by the node: {0}")]
    Closed(Closed),
    /// The connection ended without a close frame.
    #[error("the connection was cut: {0}")]
    Cut(String),
    /// Nothing came in time.
    #[error("nothing came within {0:?}")]
    Late(Duration),
    /// Another frame came than the one that must come now.
    #[error("an unexpected frame came: {0:?}")]
    Unexpected(Box<Frame>),
    /// A frame came that the contract does not know.
    #[error("the node wrote {text:?}, which is no frame of the protocol: {source}")]
    Unknown {
        /// The frame.
        text: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A binary frame came, and a node writes none.
    #[error("the node wrote a binary frame of {0} bytes")]
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
            other => Self::Cut(other.to_string()),
        }
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Cut(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_close_names_the_wait() {
        let closed = |reason: &str| Closed { code: 1012, reason: reason.to_owned() };
        let wait = Some(Duration::from_millis(250));
        assert_eq!(closed("retry_ms=250").retry(), wait);
        assert_eq!(closed("leaving; retry_ms=250, please").retry(), wait);
        assert_eq!(closed("leaving").retry(), None);
    }
}
