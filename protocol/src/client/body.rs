//! Bodies, as other nodes pass them on.

use super::{depth::is_deeper_than, object::is_one_value, parse::BODY_DEPTH_MAX};

/// Whether these bytes are a body as a node accepts one from a client: UTF-8, one JSON value, nested at
/// most [`BODY_DEPTH_MAX`] deep. Anything else could add fields to the frame that carries it, or end its
/// recipient's session.
pub fn is_valid_body(body: &[u8]) -> bool {
    let text = std::str::from_utf8(body).ok();
    text.is_some_and(|text| is_one_value(text) && !is_deeper_than(BODY_DEPTH_MAX, text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    #[test]
    fn only_one_json_value_is_a_body() {
        for body in ["1", "null", "\"text\"", "\"\\u0041\"", "[1, {\"a\": 2}]", " [1]", "1e400"] {
            assert!(is_valid_body(body.as_bytes()), "{body}");
        }
        for body in
            ["", " ", "1,\"from\":\"admin\"", "1}", "{\"a\":1", "\"text", "nul", "1 2", "\"a\nb\""]
        {
            assert!(!is_valid_body(body.as_bytes()), "{body}");
        }
        assert!(!is_valid_body(b"\"\xff\""));
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_valid_body(nested(BODY_DEPTH_MAX).as_bytes()));
        assert!(!is_valid_body(nested(BODY_DEPTH_MAX + 1).as_bytes()));
    }

    proptest! {
        #[test]
        fn any_accepted_body_is_json(body: Vec<u8>, text: String) {
            for body in [&body[..], text.as_bytes()] {
                if is_valid_body(body) {
                    prop_assert!(serde_json::from_slice::<IgnoredAny>(body).is_ok());
                }
            }
            let string = serde_json::to_vec(&text).unwrap();
            prop_assert!(is_valid_body(&string));
        }
    }
}
