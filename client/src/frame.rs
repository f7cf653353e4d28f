//! The frames of the client protocol, as a client sees them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::ClientError;

/// A frame that a node writes.
#[derive(Clone, Debug)]
pub enum Frame {
    /// The login was taken.
    Welcome(Welcome),
    /// Somebody sent this user something.
    Message(Message),
    /// What became of a send.
    Receipt(Receipt),
    /// Something was wrong with a frame.
    Error(ErrorFrame),
}

/// The first frame.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Welcome {
    /// Who logged in.
    pub user: String,
    /// The session's id.
    pub session: String,
    /// The node's name.
    pub node: String,
}

/// A message of another user's, or of one's own.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// The message's id, which its receipt names as well.
    pub id: String,
    /// Who sent it.
    pub from: String,
    /// The accepting node's clock, in Unix milliseconds.
    pub sent_at: u64,
    /// The body, byte for byte.
    pub body: Box<RawValue>,
}

/// What became of a send.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// The client's id of the send.
    pub id: String,
    /// The message's id.
    pub message: String,
    /// The outcome: its word in the contract.
    pub outcome: String,
    /// How many of the recipient's sessions or nodes did not get what others did.
    #[serde(default)]
    pub missed: u32,
}

/// What was wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ErrorFrame {
    /// The code: its word in the contract.
    pub code: String,
    /// The reason, in words.
    pub reason: String,
    /// The send it is about, if it is about one.
    pub id: Option<String>,
}

impl Frame {
    pub(super) fn parse(text: &str) -> Result<Self, ClientError> {
        #[derive(Deserialize)]
        struct Tag<'a> {
            #[serde(borrow, rename = "type")]
            kind: Cow<'a, str>,
        }
        let tag: Tag<'_> = part(text)?;
        match tag.kind.as_ref() {
            "welcome" => part(text).map(Self::Welcome),
            "message" => part(text).map(Self::Message),
            "receipt" => part(text).map(Self::Receipt),
            "error" => part(text).map(Self::Error),
            other => Err(unknown(text, serde::de::Error::custom(format!("type {other:?}")))),
        }
    }
}

fn part<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ClientError> {
    serde_json::from_str(text).map_err(|source| unknown(text, source))
}

fn unknown(text: &str, source: serde_json::Error) -> ClientError {
    ClientError::Unknown { text: text.to_owned(), source }
}

pub(super) fn login(user: &str) -> String {
    format!(r#"{{"type":"login","user":{}}}"#, Value::from(user))
}

pub(super) fn send(id: &str, to: &str, body: &str) -> String {
    let (id, to) = (Value::from(id), Value::from(to));
    format!(r#"{{"type":"send","id":{id},"to":{to},"body":{body}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_as_it_came() {
        let text = r#"{"type":"message","id":"m","from":"a","sent_at":1,"body": [ 1e400 ,null]}"#;
        let Ok(Frame::Message(message)) = Frame::parse(text) else { panic!("{text}") };
        assert_eq!(message.body.get(), "[ 1e400 ,null]");
    }

    #[test]
    fn an_unknown_frame_is_an_error() {
        assert!(Frame::parse(r#"{"type":"new"}"#).is_err());
        assert!(Frame::parse("garbage").is_err());
    }
}
