//! The frames of the client protocol, as a client sees them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

/// A frame that a node sends.
#[derive(Clone, Debug)]
pub enum Frame {
    /// The login succeeded.
    Welcome(Welcome),
    /// A message for this user.
    Message(ReceivedMessage),
    /// The outcome of a send.
    Receipt(SendReceipt),
    /// A frame of this client was refused.
    Error(ErrorFrame),
    /// The session has a newer token.
    Refreshed(Refreshed),
    /// The answer to a `ping`.
    Pong,
}

/// The first frame after a login.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Welcome {
    /// The user that logged in.
    pub user: String,
    /// The session's id.
    pub session: String,
    /// The node's name.
    pub node: String,
}

/// A message from another session, or from this one.
#[derive(Clone, Debug, Deserialize)]
pub struct ReceivedMessage {
    /// The message's id; the sender's receipt names it too.
    pub id: String,
    /// The sender.
    pub from: String,
    /// The accepting node's clock, in Unix milliseconds.
    pub sent_at: u64,
    /// The body, byte for byte.
    pub body: Box<RawValue>,
}

/// The outcome of a send.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SendReceipt {
    /// The id that the client gave the send.
    pub id: String,
    /// The message's id.
    pub message: String,
    /// The outcome, as the protocol spells it: `delivered`, `offline`, `busy`, `unreachable` or
    /// `unconfirmed`.
    pub outcome: String,
    /// How many of the recipient's sessions or nodes missed a message that others got.
    #[serde(default)]
    pub missed: u32,
}

/// The session has a newer token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Refreshed {
    /// When it expires, in Unix seconds; `None` if the node needs no token.
    pub expires_at: Option<u64>,
}

/// Why a frame was refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ErrorFrame {
    /// The error code, as the protocol spells it.
    pub code: String,
    /// The reason, as text.
    pub reason: String,
    /// The id of the send that was refused, if the frame was one.
    pub id: Option<String>,
}

impl Frame {
    /// Parses a frame. `None` for one of a type that this version does not know: a later node may send
    /// it.
    pub(crate) fn parse(text: &str) -> serde_json::Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Tag<'a> {
            #[serde(borrow, rename = "type")]
            kind: Cow<'a, str>,
        }
        let tag: Tag<'_> = serde_json::from_str(text)?;
        let frame = match tag.kind.as_ref() {
            "welcome" => Self::Welcome(serde_json::from_str(text)?),
            "message" => Self::Message(serde_json::from_str(text)?),
            "receipt" => Self::Receipt(serde_json::from_str(text)?),
            "error" => Self::Error(serde_json::from_str(text)?),
            "refreshed" => Self::Refreshed(serde_json::from_str(text)?),
            "pong" => Self::Pong,
            _ => return Ok(None),
        };
        Ok(Some(frame))
    }
}

pub(crate) fn login(user: &str, token: Option<&str>) -> String {
    match token {
        Some(token) => json!({ "type": "login", "user": user, "token": token }).to_string(),
        None => json!({ "type": "login", "user": user }).to_string(),
    }
}

pub(crate) fn refresh(token: &str) -> String {
    json!({ "type": "refresh", "token": token }).to_string()
}

pub(crate) fn send(id: &str, to: &str, body: &str) -> String {
    let (id, to) = (Value::from(id), Value::from(to));
    format!(r#"{{"type":"send","id":{id},"to":{to},"body":{body}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_is_kept_byte_for_byte() {
        let text = r#"{"type":"message","id":"m","from":"a","sent_at":1,"body": [ 1e400 ,null]}"#;
        let Ok(Some(Frame::Message(message))) = Frame::parse(text) else { panic!("{text}") };
        assert_eq!(message.body.get(), "[ 1e400 ,null]");
    }

    #[test]
    fn unknown_type_is_ignored_and_garbage_is_an_error() {
        assert!(Frame::parse(r#"{"type":"new"}"#).unwrap().is_none());
        assert!(matches!(Frame::parse(r#"{"type":"pong","at":1}"#), Ok(Some(Frame::Pong))));
        assert!(Frame::parse(r#"{"type":"receipt"}"#).is_err());
        assert!(Frame::parse("garbage").is_err());
    }
}
