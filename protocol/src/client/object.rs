//! A JSON object (RFC 8259), field by field, with each value as it stood in the text.
//!
//! What almost every frame is made of, strings without an escape, is only looked through for its end.
//! All else is left to `serde_json`.

use std::borrow::Cow;

use serde_json::{Deserializer, value::RawValue};

/// A JSON value, as it stood in the text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// A string without an escape.
    Plain(&'a str),
    /// Anything else.
    Other(&'a str),
}

impl<'a> Value<'a> {
    pub(super) fn text(self) -> &'a str {
        let (Self::Plain(text) | Self::Other(text)) = self;
        text
    }

    /// What a string says; `None` if it is something else, or has an escape that stands for no
    /// character.
    #[inline(always)]
    pub(super) fn string(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Plain(text) => Some(Cow::Borrowed(&text[1..text.len() - 1])),
            Self::Other(text) => serde_json::from_str(text).ok().map(Cow::Owned),
        }
    }

    pub(super) fn is_string(self) -> bool {
        self.text().starts_with('"')
    }
}

/// Calls `field` with the name and the value of each field of the object that `text` is. `None` if it
/// is not one, or `field` says so.
pub(super) fn walk<'a>(
    text: &'a str,
    mut field: impl FnMut(&str, Value<'a>) -> Option<()>,
) -> Option<()> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.skip(b'{')?;
    if cursor.skip(b'}').is_none() {
        loop {
            let name = cursor.value()?.string()?;
            cursor.skip(b':')?;
            field(&name, cursor.value()?)?;
            if cursor.skip(b',').is_none() {
                break;
            }
        }
        cursor.skip(b'}')?;
    }
    cursor.space();
    (cursor.at == text.len()).then_some(())
}

/// A place in a text.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.next() {
            self.at += 1;
        }
    }

    /// Goes behind this byte, if it comes next after any space.
    fn skip(&mut self, byte: u8) -> Option<()> {
        self.space();
        self.next().filter(|next| *next == byte)?;
        self.at += 1;
        Some(())
    }

    // Inlined, as is `Value::string`: a value that goes through memory is written in three words and read
    // in two wider ones, and the processor waits for that twice a field.
    #[inline(always)]
    fn value(&mut self) -> Option<Value<'a>> {
        self.space();
        let rest = &self.text[self.at..];
        let value = match plain_string(rest.as_bytes()) {
            Some(bytes) => Value::Plain(&rest[..bytes]),
            None => {
                let mut values = Deserializer::from_str(rest).into_iter::<&RawValue>();
                Value::Other(values.next()?.ok()?.get())
            }
        };
        self.at += value.text().len();
        Some(value)
    }
}

/// The length of the string without an escape that `text` begins with.
fn plain_string(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"\"")?;
    let end = first_special(inner);
    (inner.get(end) == Some(&b'"')).then_some(end + 2)
}

/// Where the first byte is that may not stand in a string for itself; eight at a time.
fn first_special(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let special = specials(u64::from_le_bytes(*word));
        if special != 0 {
            return 8 * at + special.trailing_zeros() as usize / 8;
        }
    }
    let rest = 8 * words.len();
    let special = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
    rest + bytes[rest..].iter().position(special).unwrap_or(bytes.len() - rest)
}

/// A word whose lowest set bit is the highest of the first special byte; 0 if there is none. Behind
/// that byte a borrow may have set others ("Bit Twiddling Hacks", S. E. Anderson).
fn specials(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let less = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word;
    let equal = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    (less(word, b' ') | equal(b'"') | equal(b'\\')) & HIGHS
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};
    use serde_json::Map;

    use super::*;

    /// The object as this walker sees it; the last of two fields of one name counts.
    fn walked(text: &str) -> Option<Map<String, serde_json::Value>> {
        let mut object = Map::new();
        walk(text, |name, value| {
            object.insert(name.to_owned(), serde_json::from_str(value.text()).ok()?);
            Some(())
        })?;
        Some(object)
    }

    fn assert_same(text: &str) {
        assert_eq!(walked(text), serde_json::from_str(text).ok(), "{text}");
    }

    #[test]
    fn an_object_is_one_for_serde_json_too() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":1}"#,
            "\t{ \"a\" : [ 1 , {\"b\":null} ] ,\r\n\"c\":-0.5e3}",
            r#"{"a\u0062":"\"\\\n","":true}"#,
            r#"{"a":"ä","a":"b"}"#,
            "",
            "{",
            "[]",
            "{}{",
            "{}x",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            r#"{"a" 1}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":1}}"#,
            r#"{a:1}"#,
            r#"{1:1}"#,
            r#"{"a":"b}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":01}"#,
            r#"{"a":1x}"#,
            r#"{"a":tru}"#,
            "{\"a\":\"\n\"}",
            "{\"a\u{1}\":1}",
            "\u{feff}{}",
            "\u{a0}{}",
        ] {
            assert_same(text);
        }
    }

    proptest! {
        #[test]
        fn of_any_pieces(pieces in vec(select(vec![
            "{", "}", "[", "]", ":", ",", " ", "\n", "\"", "\\", "a", "\"a\"", "\"b\":", "1", "-", ".5",
            "e9", "null", "true", "\\u0041", "\\\"", "\"\\n\"", "ä", "\u{7f}", "\u{1}",
        ]), 0..12)) {
            let text = pieces.concat();
            assert_same(&text);
            assert_same(&format!("{{\"a\":{text}}}"));
            assert_same(&format!("{{\"a\":\"{text}\"}}"));
        }

        #[test]
        fn the_first_special_byte_is_found(bytes in vec(any::<u8>(), 0..40)) {
            let special = |byte: &u8| *byte < 32 || [34, 92].contains(byte);
            let first = bytes.iter().position(special);
            prop_assert_eq!(first_special(&bytes), first.unwrap_or(bytes.len()));
            let text: Vec<_> = bytes.iter().map(|byte| byte | 0x40).filter(|byte| *byte != 92).collect();
            prop_assert_eq!(first_special(&text), text.len());
        }

        #[test]
        fn of_any_text(text: String) {
            assert_same(&text);
            assert_same(&format!("{{\"a\":\"{text}\",\"b\":{text}}}"));
        }
    }
}
