use serde::Serialize;

use super::error_code::ErrorCode;
use crate::{
    names::{Name, User},
    outcome::{MessageIdPrefix, Outcome},
};

/// Appends `welcome`, the first frame of every session.
pub fn welcome(out: &mut Vec<u8>, user: &User, session: &str, node: &Name) {
    out.extend_from_slice(br#"{"type":"welcome","user":"#);
    json(out, user);
    out.extend_from_slice(br#","session":"#);
    json(out, session);
    out.extend_from_slice(br#","node":"#);
    json(out, node);
    out.push(b'}');
}

/// Appends a `message`. `ids` and `seq` are its id; `sent_at_ms` is the accepting node's clock in
/// Unix milliseconds; `body` must be one JSON value.
pub fn message(
    out: &mut Vec<u8>,
    (ids, seq): (&MessageIdPrefix, u64),
    from: &str,
    sent_at_ms: u64,
    body: &[u8],
) {
    out.extend_from_slice(br#"{"type":"message","id":""#);
    ids.write(out, seq);
    out.extend_from_slice(br#"","from":"#);
    json(out, from);
    out.extend_from_slice(br#","sent_at":"#);
    number(out, sent_at_ms);
    out.extend_from_slice(br#","body":"#);
    out.extend_from_slice(body);
    out.push(b'}');
}

/// Appends a `receipt`. `id` is the client's id of the send, `ids` and `seq` are the message's id;
/// `missed` counts the recipient's sessions or nodes that missed the message although others got
/// it.
pub fn receipt(
    out: &mut Vec<u8>,
    id: &str,
    (ids, seq): (&MessageIdPrefix, u64),
    outcome: Outcome,
    missed: u32,
) {
    out.extend_from_slice(br#"{"type":"receipt","id":"#);
    json(out, id);
    out.extend_from_slice(br#","message":""#);
    ids.write(out, seq);
    out.extend_from_slice(br#"","outcome":""#);
    out.extend_from_slice(outcome.as_str().as_bytes());
    out.push(b'"');
    if missed > 0 {
        out.extend_from_slice(br#","missed":"#);
        number(out, missed.into());
    }
    out.push(b'}');
}

/// Appends `pong`, the answer to a `ping`.
pub fn pong(out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":"pong"}"#);
}

/// Appends `refreshed`, the answer to a `refresh`. `expires_at` is when the session's token ends, in
/// Unix seconds; `None` if sessions need no token.
pub fn refreshed(out: &mut Vec<u8>, expires_at: Option<u64>) {
    out.extend_from_slice(br#"{"type":"refreshed""#);
    if let Some(expires_at) = expires_at {
        out.extend_from_slice(br#","expires_at":"#);
        number(out, expires_at);
    }
    out.push(b'}');
}

/// Appends an `error`. `id` names the send that it concerns, if any.
pub fn error(out: &mut Vec<u8>, code: ErrorCode, reason: &str, id: Option<&str>) {
    out.extend_from_slice(br#"{"type":"error","code":""#);
    out.extend_from_slice(code.as_str().as_bytes());
    out.extend_from_slice(br#"","reason":"#);
    json(out, reason);
    if let Some(id) = id {
        out.extend_from_slice(br#","id":"#);
        json(out, id);
    }
    out.push(b'}');
}

fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("a string is always JSON, and a vector takes it");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::names::Incarnation;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Value {
        let mut out = Vec::new();
        write(&mut out);
        serde_json::from_slice(&out).expect("a frame is JSON")
    }

    #[test]
    fn frames_are_as_documented() {
        let origin: Incarnation = "01JAV3QK9VE6ZT9Z8T5C1H7R0M".parse().unwrap();
        let id = (&MessageIdPrefix::of(origin), 42);
        let user: User = "al\"ice".parse().unwrap();
        let node: Name = "node-1".parse().unwrap();

        assert_eq!(
            written(|out| welcome(out, &user, "s-1", &node)),
            json!({"type": "welcome", "user": "al\"ice", "session": "s-1", "node": "node-1"})
        );
        assert_eq!(
            written(|out| message(out, id, "al\\ice", 1_790_000_000_000, b"[null]")),
            json!({"type": "message", "id": "01JAV3QK9VE6ZT9Z8T5C1H7R0M-42", "from": "al\\ice",
                   "sent_at": 1_790_000_000_000_u64, "body": [null]})
        );
        assert_eq!(
            written(|out| receipt(out, "c\n1", id, Outcome::Busy, 0)),
            json!({"type": "receipt", "id": "c\n1", "message": "01JAV3QK9VE6ZT9Z8T5C1H7R0M-42",
                   "outcome": "busy"})
        );
        assert_eq!(written(pong), json!({"type": "pong"}));
        assert_eq!(
            written(|out| refreshed(out, Some(1_790_000_000))),
            json!({"type": "refreshed", "expires_at": 1_790_000_000})
        );
        assert_eq!(written(|out| refreshed(out, None)), json!({"type": "refreshed"}));
        assert_eq!(written(|out| receipt(out, "c", id, Outcome::Delivered, 2))["missed"], json!(2));
        assert_eq!(
            written(|out| error(out, ErrorCode::BadRequest, "no \"to\"", Some("c-1"))),
            json!({"type": "error", "code": "bad_request", "reason": "no \"to\"", "id": "c-1"})
        );
    }
}
