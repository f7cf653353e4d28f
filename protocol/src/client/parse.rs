use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use thiserror::Error;

use super::SEND_ID_BYTES_MAX;
use crate::User;

/// A well-formed frame from a client. Borrows from the text it was parsed from.
#[derive(Debug)]
pub enum ClientFrame<'a> {
    /// The first frame of a session.
    Login {
        /// The user that logs in; a valid [`User`] key.
        user: Cow<'a, str>,
        /// The proof of it, where the node asks for one.
        token: Option<Cow<'a, str>>,
    },
    /// A message to a user.
    Send {
        /// The client's own name for this send, 1 to [`SEND_ID_BYTES_MAX`] bytes.
        id: Cow<'a, str>,
        /// The recipient; a valid [`User`] key.
        to: Cow<'a, str>,
        /// Any JSON value, exactly as it stood in the frame.
        body: &'a RawValue,
    },
}

/// Why a text is not a [`ClientFrame`], in words for the client's developer.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{reason}")]
pub struct BadFrame {
    /// What was wrong, and what belongs there.
    pub reason: String,
    /// The send's id, where one could be read.
    pub id: Option<String>,
}

/// Parses one text frame. Unknown fields are ignored.
pub fn parse(text: &str) -> Result<ClientFrame<'_>, BadFrame> {
    // serde would take an array for a struct, its items for the fields.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(BadFrame { reason: "not a JSON object".to_owned(), id: None });
    }
    let fields: Fields<'_> = serde_json::from_str(text)
        .map_err(|error| BadFrame { reason: format!("not a JSON object: {error}"), id: None })?;
    let id = fields.id.known();
    fields.into_frame().map_err(|reason| BadFrame { reason, id })
}

/// Every field of every frame. One flat struct, because an internally tagged enum would copy the
/// whole frame before it looked at the tag, and cannot hold a `RawValue`.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Field<'a>,
    #[serde(borrow, default)]
    user: Field<'a>,
    #[serde(borrow, default)]
    token: Field<'a>,
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    to: Field<'a>,
    // `Option<&RawValue>` would take `null` for a missing body.
    #[serde(borrow, default, deserialize_with = "present")]
    body: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    fn into_frame(mut self) -> Result<ClientFrame<'a>, String> {
        match self.kind.text("type")?.as_ref() {
            "login" => self.into_login(),
            "send" => self.into_send(),
            other => Err(format!("unknown `type` {other:?}: it is \"login\" or \"send\"")),
        }
    }

    fn into_login(mut self) -> Result<ClientFrame<'a>, String> {
        let user = self.user.text("user")?;
        User::check(&user).map_err(|error| format!("`user`: {error}"))?;
        let token = match self.token {
            Field::Missing => None,
            ref mut token => Some(token.text("token")?),
        };
        Ok(ClientFrame::Login { user, token })
    }

    fn into_send(mut self) -> Result<ClientFrame<'a>, String> {
        let id = self.id.text("id")?;
        if id.is_empty() || id.len() > SEND_ID_BYTES_MAX {
            return Err(format!(
                "`id` has 1 to {SEND_ID_BYTES_MAX} bytes, this one has {}",
                id.len()
            ));
        }
        let to = self.to.text("to")?;
        User::check(&to).map_err(|error| format!("`to`: {error}"))?;
        let body = self.body.ok_or("`body` is missing: it is any JSON value")?;
        Ok(ClientFrame::Send { id, to, body })
    }
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(source: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(source).map(Some)
}

/// A field that ought to be a string. A wrong type is remembered instead of refused, because in
/// a frame that does not use the field it does not matter.
#[derive(Default)]
enum Field<'a> {
    #[default]
    Missing,
    Text(Cow<'a, str>),
    Other,
}

impl<'a> Field<'a> {
    fn text(&mut self, name: &str) -> Result<Cow<'a, str>, String> {
        match std::mem::take(self) {
            Self::Text(text) => Ok(text),
            Self::Missing => Err(format!("`{name}` is missing: it is a string")),
            Self::Other => Err(format!("`{name}` must be a string")),
        }
    }

    fn known(&self) -> Option<String> {
        match self {
            Self::Text(text) if text.len() <= SEND_ID_BYTES_MAX => Some(text.clone().into_owned()),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_unit<E>(self) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Field<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Field<'de>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
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
    fn a_login_is_parsed_with_and_without_a_token() {
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
    fn a_body_is_carried_byte_for_byte() {
        for body in ["null", "1e400", r#"{ "a" : [ 1 , "\u0041" ] }"#, "\"\\ud800\"", "-0.0", "[]"]
        {
            let text = format!(r#"{{"type":"send","id":"c-1","to":"bob","body": {body} }}"#);
            let ClientFrame::Send { id, to, body: parsed } = parse(&text).unwrap() else {
                panic!("not a send")
            };
            assert_eq!((id.as_ref(), to.as_ref(), parsed.get()), ("c-1", "bob", body));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, words) in [
            ("", "not a JSON object"),
            ("[]", "not a JSON object"),
            (r#"{"type":"send""#, "not a JSON object"),
            ("{}", "`type` is missing"),
            (r#"{"type":7}"#, "`type` must be a string"),
            (r#"{"type":"sned"}"#, "unknown `type` \"sned\""),
            (r#"{"type":"login"}"#, "`user` is missing"),
            (r#"{"type":"login","user":""}"#, "`user`: a user key has 1 to 128 bytes"),
            (r#"{"type":"login","user":"a\nb"}"#, "no control characters"),
            (r#"{"type":"send","to":"bob","body":1}"#, "`id` is missing"),
            (r#"{"type":"send","id":"c","body":1}"#, "`to` is missing"),
            (r#"{"type":"send","id":"c","to":"bob"}"#, "`body` is missing"),
            (r#"{"type":"send","id":{"a":[]},"to":"bob","body":1}"#, "`id` must be a string"),
            (r#"{"type":"send","id":"c","to":["bob"],"body":1}"#, "`to` must be a string"),
        ] {
            let reason = refusal(text).reason;
            assert!(reason.contains(words), "{text}: {reason}");
        }
        assert_eq!(refusal(r#"{"type":"send","id":"c-9","to":"bob"}"#).id.as_deref(), Some("c-9"));
        assert!(refusal(&format!(r#"{{"type":"send","id":"{}"}}"#, "x".repeat(65))).id.is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn any_send_survives(id in "[^\\p{Cc}]{1,16}", to in "[^\\p{Cc}]{1,32}", body: String) {
            let text = json!({"type": "send", "id": id, "to": to, "body": body}).to_string();
            let parsed = parse(&text);
            let Ok(ClientFrame::Send { id: got_id, to: got_to, body: got_body }) = parsed else {
                return Err(TestCaseError::fail(format!("{parsed:?}")));
            };
            prop_assert_eq!(got_id.as_ref(), id);
            prop_assert_eq!(got_to.as_ref(), to);
            prop_assert_eq!(serde_json::from_str::<String>(got_body.get()).unwrap(), body);
        }
    }
}
