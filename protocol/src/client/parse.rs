use std::borrow::Cow;

use serde::de::IgnoredAny;
use thiserror::Error;

use super::{
    depth::is_deeper_than,
    object::{Value, for_each_field},
};
use crate::names::User;

/// The longest `id` that a client may give a send, in bytes.
pub const SEND_ID_BYTES_MAX: usize = 64;

/// How deep a body may be nested: each array or object in it is a level. Recipients may parse it
/// recursively.
pub const BODY_DEPTH_MAX: usize = 128;

/// How many characters of a frame a reason quotes, so that errors stay short.
const QUOTED_CHARS_MAX: usize = 32;

/// A well-formed frame from a client. Borrows from the text it was parsed from.
#[derive(Debug)]
pub enum ClientFrame<'a> {
    /// The first frame of a session.
    Login {
        /// The user that logs in: a valid [`User`] key.
        user: Cow<'a, str>,
        /// The proof of identity, if the node requires one.
        token: Option<Cow<'a, str>>,
    },
    /// A message to a user.
    Send {
        /// The client's own id for this send: 1 to [`SEND_ID_BYTES_MAX`] bytes.
        id: Cow<'a, str>,
        /// The recipient: a valid [`User`] key.
        to: Cow<'a, str>,
        /// Any JSON value, exactly as in the frame, nested at most [`BODY_DEPTH_MAX`] deep.
        body: &'a str,
    },
    /// A newer token, before the session's own expires.
    Refresh {
        /// The proof of identity.
        token: Cow<'a, str>,
    },
    /// A keepalive for clients that cannot send or see WebSocket pings.
    Ping,
}

/// Why a text is not a [`ClientFrame`], for the client's developer.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{reason}")]
pub struct BadFrame {
    /// The error, and what is expected instead.
    pub reason: String,
    /// The send's id, if it could be read. A number is given as its digits.
    pub id: Option<String>,
}

/// Parses one text frame. Unknown fields are ignored.
pub fn parse(text: &str) -> Result<ClientFrame<'_>, BadFrame> {
    let mut fields = Fields::default();
    if for_each_field(text, |name, value| fields.set(name, value)).is_none() {
        return Err(BadFrame { reason: fields.rejection(text), id: None });
    }
    fields.frame().map_err(|reason| BadFrame { reason, id: fields.known_id() })
}

/// The values of all fields that a frame may have.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<Value<'a>>,
    user: Option<Value<'a>>,
    token: Option<Value<'a>>,
    id: Option<Value<'a>>,
    to: Option<Value<'a>>,
    body: Option<Value<'a>>,
    duplicate: Option<&'static str>,
}

impl<'a> Fields<'a> {
    /// `None` if the field is a duplicate.
    fn set(&mut self, name: &str, value: Value<'a>) -> Option<()> {
        let (name, field) = match name {
            "type" => ("type", &mut self.kind),
            "user" => ("user", &mut self.user),
            "token" => ("token", &mut self.token),
            "id" => ("id", &mut self.id),
            "to" => ("to", &mut self.to),
            "body" => ("body", &mut self.body),
            _ => return Some(()),
        };
        if field.replace(value).is_some() {
            self.duplicate = Some(name);
            return None;
        }
        Some(())
    }

    fn rejection(&self, text: &str) -> String {
        match (self.duplicate, serde_json::from_str::<IgnoredAny>(text)) {
            (Some(name), _) => format!("duplicate field `{name}`"),
            (None, Err(error)) => format!("not a JSON object: {error}"),
            (None, Ok(_)) => "not a JSON object".to_owned(),
        }
    }

    fn frame(&self) -> Result<ClientFrame<'a>, String> {
        match text("type", self.kind)?.as_ref() {
            "login" => self.login(),
            "send" => self.send(),
            "ping" => Ok(ClientFrame::Ping),
            "refresh" => Ok(ClientFrame::Refresh { token: text("token", self.token)? }),
            other => Err(format!(
                "unknown `type` {}: it is \"login\", \"send\", \"refresh\" or \"ping\"",
                quoted(other)
            )),
        }
    }

    fn login(&self) -> Result<ClientFrame<'a>, String> {
        let user = text("user", self.user)?;
        User::check(&user).map_err(|error| format!("`user`: {error}"))?;
        let token = self.token.map(|token| text("token", Some(token))).transpose()?;
        Ok(ClientFrame::Login { user, token })
    }

    fn send(&self) -> Result<ClientFrame<'a>, String> {
        let id = text("id", self.id)?;
        if id.is_empty() || id.len() > SEND_ID_BYTES_MAX {
            return Err(format!(
                "`id` has 1 to {SEND_ID_BYTES_MAX} bytes, {} has {}",
                quoted(&id),
                id.len()
            ));
        }
        let to = text("to", self.to)?;
        User::check(&to).map_err(|error| format!("`to`: {error}"))?;
        let body = self.body.ok_or("`body` is missing: it is any JSON value")?;
        if is_deeper_than(BODY_DEPTH_MAX, body.text()) {
            return Err(format!("`body` is nested deeper than {BODY_DEPTH_MAX} levels"));
        }
        Ok(ClientFrame::Send { id, to, body: body.text() })
    }

    fn known_id(&self) -> Option<String> {
        let id = self.id?;
        let is_number = id.text().starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let id = if is_number { Cow::Borrowed(id.text()) } else { id.string()? };
        (id.len() <= SEND_ID_BYTES_MAX).then(|| id.into_owned())
    }
}

/// The beginning of `text`, as a JSON string.
fn quoted(text: &str) -> String {
    let begin: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    let more = if begin.len() < text.len() { "…" } else { "" };
    format!("{}{more}", serde_json::Value::from(begin))
}

/// The contents of the string field `name`.
fn text<'a>(name: &str, value: Option<Value<'a>>) -> Result<Cow<'a, str>, String> {
    let value = value.ok_or_else(|| format!("`{name}` is missing: it is a string"))?;
    value.string().ok_or_else(|| match value.is_string() {
        true => format!("`{name}` has an escape that encodes no character"),
        false => format!("`{name}` must be a string, not {}", kind_of(value.text())),
    })
}

/// The kind of a JSON value that is no string.
fn kind_of(value: &str) -> &'static str {
    match value.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'n') => "null",
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refusal(text: &str) -> BadFrame {
        parse(text).expect_err(text)
    }

    #[test]
    fn login_may_have_a_token() {
        let ClientFrame::Login { user, token } =
            parse(r#"{"type":"login","user":"al\u0069ce","extra":[1,{}]}"#).unwrap()
        else {
            panic!("not a login")
        };
        assert_eq!((user.as_ref(), token), ("alice", None));

        let text = r#"{"token":"t","user":"alice","type":"login","to":5,"body":null}"#;
        assert!(matches!(parse(text), Ok(ClientFrame::Login { token: Some(_), .. })));
    }

    #[test]
    fn body_is_kept_byte_for_byte() {
        for body in ["null", "1e400", r#"{ "a" : [ 1 , "\u0041" ] }"#, "\"\\ud800\"", "-0.0", "[]"]
        {
            let text = format!(r#"{{"type":"send","id":"c-1","to":"bob","body": {body} }}"#);
            let ClientFrame::Send { id, to, body: parsed } = parse(&text).unwrap() else {
                panic!("not a send")
            };
            assert_eq!((id.as_ref(), to.as_ref(), parsed), ("c-1", "bob", body));
        }
    }

    #[test]
    fn reason_names_the_error() {
        for (text, words) in [
            ("", "not a JSON object"),
            ("[]", "not a JSON object"),
            (r#"{"type":"send""#, "not a JSON object"),
            ("{}", "`type` is missing"),
            (r#"{"type":7}"#, "`type` must be a string"),
            (r#"{"type":"sned"}"#, "unknown `type` \"sned\""),
            (r#"{"type":"login"}"#, "`user` is missing"),
            (r#"{"type":"login","user":7}"#, "`user` must be a string, not a number"),
            (r#"{"type":"login","user":null}"#, "`user` must be a string, not null"),
            (
                r#"{"type":"login","user":"a","token":{}}"#,
                "`token` must be a string, not an object",
            ),
            (r#"{"type":"login","user":""}"#, "`user`: a user key has 1 to 128 bytes"),
            (r#"{"type":"login","user":"a\nb"}"#, "no control characters"),
            (r#"{"type":"send","to":"bob","body":1}"#, "`id` is missing"),
            (r#"{"type":"send","id":"c","body":1}"#, "`to` is missing"),
            (r#"{"type":"send","id":"c","to":"bob"}"#, "`body` is missing"),
            (r#"{"type":"send","id":{"a":[]},"to":"bob","body":1}"#, "`id` must be a string"),
            (r#"{"type":"send","id":"c","to":["bob"],"body":1}"#, "`to` must be a string"),
            (r#"{"type":"send","id":"c","to":"\ud800","body":1}"#, "`to` has an escape that"),
            (r#"{"type":"send","id":"c","to":"bob","body":1,"id":"d"}"#, "duplicate field `id`"),
        ] {
            let reason = refusal(text).reason;
            assert!(reason.contains(words), "{text}: {reason}");
        }
        assert_eq!(refusal(r#"{"type":"send","id":"c-9","to":"bob"}"#).id.as_deref(), Some("c-9"));
        assert!(refusal(&format!(r#"{{"type":"send","id":"{}"}}"#, "x".repeat(65))).id.is_none());
    }

    #[test]
    fn error_repeats_an_id_that_is_a_number() {
        for (id, named) in
            [("7", "7"), ("-1.5e3", "-1.5e3"), ("90071992547409931", "90071992547409931")]
        {
            let bad = refusal(&format!(r#"{{"type":"send","id":{id},"to":"bob","body":1}}"#));
            assert_eq!(bad.id.as_deref(), Some(named));
            assert!(bad.reason.contains("`id` must be a string, not a number"), "{}", bad.reason);
        }
        assert!(refusal(r#"{"type":"send","id":true,"to":"bob","body":1}"#).id.is_none());
    }

    #[test]
    fn errors_are_short_for_any_input() {
        for unit in ["x", "\\u0000", "é", "\u{202e}", "\\\"", "👩‍👩‍👧"] {
            let huge = unit.repeat(60_000 / unit.len());
            for text in [
                format!(r#"{{"type":"{huge}"}}"#),
                format!(r#"{{"type":"send","id":"{huge}","to":"b","body":1}}"#),
                format!(r#"{{"type":"send","id":"c","to":"{huge}","body":1}}"#),
                format!(r#"{{"type":"login","user":"{huge}"}}"#),
                format!(r#"{{"{huge}":"#),
                format!(r#"{{"type":"send","id":{},"to":"b","body":1}}"#, "9".repeat(60_000)),
                huge.clone(),
            ] {
                let bad = refusal(&text);
                let bytes = bad.reason.len() + bad.id.map_or(0, |id| id.len());
                assert!(bytes <= 400, "{bytes} bytes: {}", bad.reason);
            }
        }
    }

    #[test]
    fn refresh_has_a_token() {
        let refresh = parse(r#"{"type":"refresh","token":"t"}"#);
        assert!(matches!(refresh, Ok(ClientFrame::Refresh { token }) if token == "t"));
        let reason = refusal(r#"{"type":"refresh"}"#).reason;
        assert!(reason.contains("`token` is missing"), "{reason}");
    }

    #[test]
    fn ping_is_parsed() {
        assert!(matches!(parse(r#"{"type":"ping","at":1}"#), Ok(ClientFrame::Ping)));
    }

    #[test]
    fn body_is_nested_128_levels_at_most() {
        let nested = |depth: usize| {
            let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            format!(r#"{{"type":"send","id":"c-1","to":"bob","body":{body}}}"#)
        };
        assert!(matches!(parse(&nested(128)), Ok(ClientFrame::Send { .. })));
        for depth in [129, 1_000, 30_000] {
            let bad = refusal(&nested(depth));
            assert_eq!(bad.reason, "`body` is nested deeper than 128 levels");
            assert_eq!(bad.id.as_deref(), Some("c-1"));
        }
    }

    proptest! {
        #[test]
        fn parsing_any_text_does_not_panic(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn any_send_round_trips(id in "[^\\p{Cc}]{1,16}", to in "[^\\p{Cc}]{1,32}", body: String) {
            let text = json!({"type": "send", "id": id, "to": to, "body": body}).to_string();
            let parsed = parse(&text);
            let Ok(ClientFrame::Send { id: got_id, to: got_to, body: got_body }) = parsed else {
                return Err(TestCaseError::fail(format!("{parsed:?}")));
            };
            prop_assert_eq!(got_id.as_ref(), id);
            prop_assert_eq!(got_to.as_ref(), to);
            prop_assert_eq!(serde_json::from_str::<String>(got_body).unwrap(), body);
        }
    }
}
