//! Escapes texts that clients choose, such as users' keys, so that two different texts never look the
//! same.
//!
//! A character that would be invisible is written as its code point, `‹U+200B›`; a space at an end or
//! beside another space as `␠`. The same holds for characters that look like others by definition: a
//! letter and a mark for which there is one composed character, presentation forms, and the delimiters
//! of this escaping. In a word that mixes Latin with other letters, those others are escaped if their
//! script has letters that look Latin. A word without Latin letters may still look like a Latin one.

mod characters;

use std::{borrow::Cow, ops::Range};

use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use unicode_segmentation::UnicodeSegmentation as _;

use characters::{carries, is_latin, is_presentation_form, looks_latin};
pub(crate) use characters::{is_invisible, is_mark, is_non_spacing};

/// Stands for a space that would be invisible.
pub(crate) const SPACE: char = '␠';

/// The delimiters of a code point.
pub(crate) const CODE: (char, char) = ('‹', '›');

/// How many marks a letter may carry: more would leave its line.
const MARKS_MAX: usize = 3;

/// The text, escaped. Borrows what needs no escaping.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(2 * text.len());
    let mixed: Vec<_> = mixed_words(text).collect();
    for (at, cluster) in text.grapheme_indices(true) {
        if cluster == " " {
            let (before, after) = (&text[..at], &text[at + 1..]);
            let is_seen =
                is_not_space(before.chars().next_back()) && is_not_space(after.chars().next());
            escaped.push(if is_seen { ' ' } else { SPACE });
        } else {
            let is_mixed = mixed.iter().any(|word| word.contains(&at));
            push_cluster(&mut escaped, cluster, is_mixed);
        }
    }
    Cow::Owned(escaped)
}

/// The code point of a character, as it is written in place of it.
pub(crate) fn code(character: char) -> String {
    let (before, after) = CODE;
    format!("{before}U+{:04X}{after}", u32::from(character))
}

/// Whether a text is printable ASCII with single spaces between words, as most are.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
}

fn is_not_space(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|character| character != ' ')
}

/// Writes a grapheme cluster: a letter and its marks.
fn push_cluster(escaped: &mut String, cluster: &str, is_in_mixed_word: bool) {
    let is_composed = is_nfc(cluster);
    let (mut letter, mut marks) = (None, 0);
    for (at, character) in cluster.chars().enumerate() {
        let is_unique = if is_mark(character) {
            marks += 1;
            is_composed && marks <= MARKS_MAX && letter.is_some_and(|at| carries(at, character))
        } else {
            (letter, marks) = (Some(character), 0);
            is_composed || (at == 0 && character.nfc().eq([character]))
        };
        let poses = is_in_mixed_word && looks_latin(character);
        if is_unique && !poses && !is_always_escaped(character) {
            escaped.push(character);
        } else {
            escaped.push_str(&code(character));
        }
    }
}

/// Where the words are that have both Latin letters and others that may look Latin.
fn mixed_words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_separator = |character: char| !character.is_alphanumeric() && !is_mark(character);
    text.split(is_separator).filter_map(|word| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        let is_mixed = word.contains(is_latin) && word.contains(looks_latin);
        is_mixed.then(|| start..start + word.len())
    })
}

fn is_always_escaped(character: char) -> bool {
    is_invisible(character)
        || is_presentation_form(character)
        || character == SPACE
        || character == CODE.0
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn names_in_one_script_are_not_escaped() {
        let plain = [
            "alice",
            "Mary Ann",
            "o'neil@example.org",
            "Ольга",
            "Ζωή",
            "José",
            "Nguyễn",
            "北京",
            "山田太郎",
            "김민수",
            "محمد",
            "مُحَمَّد",
            "דוד",
            "สมชาย",
            "น้ำ",
            "अमित",
            "क्षत्रिय",
            "தமிழ்",
            "😀",
            "🇩🇪",
            "👍🏽",
        ];
        for name in plain {
            assert_eq!(text(name), name);
        }
    }

    #[test]
    fn invisible_characters_are_escaped() {
        let cases = [
            ("alice\u{200B}", "alice‹U+200B›"),
            ("\u{202E}ecila", "‹U+202E›ecila"),
            ("al\u{AD}ice", "al‹U+00AD›ice"),
            ("alice\u{FE0F}", "alice‹U+FE0F›"),
            ("alice\u{E0061}", "alice‹U+E0061›"),
            ("alice ", "alice␠"),
            (" alice", "␠alice"),
            ("a  b", "a␠␠b"),
            ("a\u{A0}b", "a‹U+00A0›b"),
            ("a\u{3000}", "a‹U+3000›"),
            ("alice\u{2800}\u{3164}", "alice‹U+2800›‹U+3164›"),
            ("a\nb", "a‹U+000A›b"),
            ("a\r\nb", "a‹U+000D›‹U+000A›b"),
            ("a\u{F8FF}", "a‹U+F8FF›"),
            ("می\u{200C}خواهم", "می‹U+200C›خواهم"),
            ("👩\u{200D}💻", "👩‹U+200D›💻"),
        ];
        for (name, shown) in cases {
            assert_eq!(text(name), shown, "{name:?}");
        }
    }

    #[test]
    fn lookalikes_are_escaped() {
        let cases = [
            ("e\u{301}", "e‹U+0301›"),
            ("\u{212A}", "‹U+212A›"),
            ("\u{1112}\u{1161}\u{11AB}", "\u{1112}‹U+1161›‹U+11AB›"),
            ("\u{FB01}", "‹U+FB01›"),
            ("\u{FEE3}", "‹U+FEE3›"),
            ("a\u{E34}", "a‹U+0E34›"),
            ("\u{301}", "‹U+0301›"),
            ("\u{430}lice 1", "‹U+0430›lice 1"),
            ("Ольга-bob", "Ольга-bob"),
            ("‹U+200B›", "‹U+2039›U+200B›"),
            ("␠", "‹U+2420›"),
        ];
        for (name, shown) in cases {
            assert_eq!(text(name), shown, "{name:?}");
        }
    }

    #[test]
    fn marks_past_the_limit_are_escaped() {
        let flood = format!("ก{}", "\u{E34}".repeat(30));
        let shown = text(&flood);
        assert_eq!(shown.matches("‹U+0E34›").count(), 27);
    }

    #[test]
    fn different_texts_are_escaped_differently() {
        let parts =
            ["a", " ", "‹", "›", "U+200B", "\u{200B}", "␠", "é", "e", "\u{301}", "한", "\u{11AB}"];
        let mut seen = HashMap::new();
        for one in parts {
            for two in parts {
                for three in parts {
                    let name = format!("{one}{two}{three}");
                    let before = seen.insert(text(&name).into_owned(), name.clone());
                    assert!(
                        before.as_ref().is_none_or(|before| *before == name),
                        "{before:?} {name:?}"
                    );
                }
            }
        }
    }
}
