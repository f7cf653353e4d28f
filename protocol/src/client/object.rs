//! Splits a JSON object (RFC 8259) into its fields, with each value as the text has it.
//!
//! Frames consist almost only of strings without an escape: this module finds their ends eight
//! bytes at a time, and leaves everything else to `serde_json`.

use std::borrow::Cow;

use serde_json::{Deserializer, value::RawValue};

/// A JSON value, as the text has it.
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

    /// A string's contents; `None` if it is no string, or has an escape that encodes no character.
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

/// Calls `visit` with the name and the value of each field of the object `text`. `None` if `text`
/// is no object, or `visit` returns `None`.
pub(super) fn for_each_field<'a>(
    text: &'a str,
    mut visit: impl FnMut(&str, Value<'a>) -> Option<()>,
) -> Option<()> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.skip(b'{')?;
    if cursor.skip(b'}').is_none() {
        loop {
            let name = cursor.value()?.string()?;
            cursor.skip(b':')?;
            visit(&name, cursor.value()?)?;
            if cursor.skip(b',').is_none() {
                break;
            }
        }
        cursor.skip(b'}')?;
    }
    cursor.space();
    (cursor.at == text.len()).then_some(())
}

/// Whether `text` is one JSON value, with nothing behind it.
pub(super) fn is_one_value(text: &str) -> bool {
    let mut cursor = Cursor { text, at: 0 };
    cursor.value().is_some() && cursor.at == text.len()
}

/// A position in a text.
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

    /// Skips this byte, if it is the next one after any space.
    fn skip(&mut self, byte: u8) -> Option<()> {
        self.space();
        self.next().filter(|next| *next == byte)?;
        self.at += 1;
        Some(())
    }

    // Inlined, as is `Value::string`: passed through memory, a value would be written as three
    // words and read as two wider ones, a store-forwarding stall twice per field.
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

/// The length of the string that `text` begins with, if it has no escape.
fn plain_string(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"\"")?;
    let end = first_special(inner);
    (inner.get(end) == Some(&b'"')).then_some(end + 2)
}

/// The position of the first byte that ends a string or has to be escaped in one.
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

/// A word whose lowest set bit is the highest bit of the first special byte; 0 if there is none. A
/// borrow may set bits above that one ("Bit Twiddling Hacks", S. E. Anderson).
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

    /// The object as this module parses it; the last of two fields of one name counts.
    fn parsed(text: &str) -> Option<Map<String, serde_json::Value>> {
        let mut object = Map::new();
        for_each_field(text, |name, value| {
            object.insert(name.to_owned(), serde_json::from_str(value.text()).ok()?);
            Some(())
        })?;
        Some(object)
    }

    fn assert_same(text: &str) {
        assert_eq!(parsed(text), serde_json::from_str(text).ok(), "{text}");
    }

    #[test]
    fn accepts_the_same_objects_as_serde_json() {
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
        fn accepts_the_same_fragments_as_serde_json(pieces in vec(select(vec![
            "{", "}", "[", "]", ":", ",", " ", "\n", "\"", "\\", "a", "\"a\"", "\"b\":", "1", "-", ".5",
            "e9", "null", "true", "\\u0041", "\\\"", "\"\\n\"", "ä", "\u{7f}", "\u{1}",
        ]), 0..12)) {
            let text = pieces.concat();
            assert_same(&text);
            assert_same(&format!("{{\"a\":{text}}}"));
            assert_same(&format!("{{\"a\":\"{text}\"}}"));
        }

        #[test]
        fn first_special_byte_is_found(bytes in vec(any::<u8>(), 0..40)) {
            let special = |byte: &u8| *byte < 32 || [34, 92].contains(byte);
            let first = bytes.iter().position(special);
            prop_assert_eq!(first_special(&bytes), first.unwrap_or(bytes.len()));
            let text: Vec<_> = bytes.iter().map(|byte| byte | 0x40).filter(|byte| *byte != 92).collect();
            prop_assert_eq!(first_special(&text), text.len());
        }

        #[test]
        fn accepts_the_same_texts_as_serde_json(text: String) {
            assert_same(&text);
            assert_same(&format!("{{\"a\":\"{text}\",\"b\":{text}}}"));
        }
    }
}
