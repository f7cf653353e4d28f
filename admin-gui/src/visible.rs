//! Texts that others have chosen, users' keys before all: shown so that two that differ never look
//! the same.
//!
//! What would not be seen is written as its code point: `‹U+200B›`, and a blank at an end or beside
//! another one as `␠`. So is what has the look of something else by definition: a letter and a mark
//! where there is one character for both, a form that a letter takes by itself, and the two
//! characters that such writing begins with; and so are the letters of a word that are not Latin while
//! others of it are, as far as such letters can look Latin. A word that is not Latin at all may still
//! look like one that is.

mod words;

use std::{borrow::Cow, ops::Range};

use unicode_general_category::{GeneralCategory as Category, get_general_category};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use unicode_script::{Script, UnicodeScript as _};
use unicode_segmentation::UnicodeSegmentation as _;

pub(crate) use words::{said, words, words_on};

/// Stands for a blank that would not be seen.
const BLANK: char = '␠';

/// What a code point is written between.
const CODE: (char, char) = ('‹', '›');

/// How many marks a letter may carry: more would leave its line.
const MARKS_MAX: usize = 3;

/// A text as it may be shown.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(2 * text.len());
    let posing: Vec<_> = words_of_two_scripts(text).collect();
    for (at, cluster) in text.grapheme_indices(true) {
        if cluster == " " {
            let (before, after) = (&text[..at], &text[at + 1..]);
            let is_seen = is_inner(before.chars().next_back()) && is_inner(after.chars().next());
            shown.push(if is_seen { ' ' } else { BLANK });
        } else {
            let is_posing = posing.iter().any(|word| word.contains(&at));
            push_cluster(&mut shown, cluster, is_posing);
        }
    }
    Cow::Owned(shown)
}

/// Most texts are printable ASCII with single blanks between words.
fn is_plain(text: &str) -> bool {
    let is_graphic = |byte: u8| byte.is_ascii_graphic();
    text.bytes().all(|byte| is_graphic(byte) || byte == b' ')
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
}

/// Whether a blank beside this is seen as one.
fn is_inner(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|character| character != ' ')
}

/// Writes a letter with its marks, and its like.
fn push_cluster(shown: &mut String, cluster: &str, is_posing: bool) {
    let is_composed = is_nfc(cluster);
    let (mut letter, mut marks) = (None, 0);
    for (at, character) in cluster.chars().enumerate() {
        let is_own = if is_mark(character) {
            marks += 1;
            is_composed && marks <= MARKS_MAX && letter.is_some_and(|at| carries(at, character))
        } else {
            (letter, marks) = (Some(character), 0);
            is_composed || (at == 0 && character.nfc().eq([character]))
        };
        let poses = is_posing && looks_latin(character);
        if is_own && !poses && !is_marked(character) {
            shown.push(character);
        } else {
            shown.push_str(&code(character));
        }
    }
}

fn code(character: char) -> String {
    let (before, after) = CODE;
    format!("{before}U+{:04X}{after}", u32::from(character))
}

/// Where the words are whose letters are partly Latin, and partly such as may look so.
fn words_of_two_scripts(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_apart = |character: char| !character.is_alphanumeric() && !is_mark(character);
    text.split(is_apart).filter_map(|word| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        let is_latin = |character: char| character.script() == Script::Latin;
        let is_mixed = word.contains(is_latin) && word.contains(looks_latin);
        is_mixed.then(|| start..start + word.len())
    })
}

/// Whether a letter is of a script with letters that look Latin.
fn looks_latin(character: char) -> bool {
    !character.is_ascii()
        && matches!(
            character.script(),
            Script::Armenian | Script::Cherokee | Script::Coptic | Script::Cyrillic | Script::Greek
        )
}

/// Whether a character is never shown as it is.
fn is_marked(character: char) -> bool {
    is_invisible(character) || is_form(character) || character == BLANK || character == CODE.0
}

/// Whether nothing, or nothing but room, would be seen of a character; the blank is no such one.
pub(crate) fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(
        get_general_category(character),
        Category::Control
            | Category::Format
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::PrivateUse
            | Category::SpaceSeparator
            | Category::Surrogate
            | Category::Unassigned
    ) || matches!(
        character,
        // The rest of Default_Ignorable_Code_Point …
        '\u{034F}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}'
            // … and what is drawn as nothing: an empty pattern, an empty note.
            | '\u{2800}' | '\u{1D159}'
    )
}

/// Whether this is a form of letters that those take by themselves: ligatures, and Hebrew and Arabic
/// letters as they stand beside others.
fn is_form(character: char) -> bool {
    matches!(character, '\u{FB00}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}')
}

fn is_mark(character: char) -> bool {
    lies_upon(character)
        || !character.is_ascii() && get_general_category(character) == Category::SpacingMark
}

/// Whether a mark takes no room of its own.
pub(crate) fn lies_upon(character: char) -> bool {
    !character.is_ascii()
        && matches!(
            get_general_category(character),
            Category::NonspacingMark | Category::EnclosingMark
        )
}

/// Whether a letter and a mark belong together. Elsewhere a font may have the one and not the other,
/// and would leave the mark out.
fn carries(letter: char, mark: char) -> bool {
    let is_vowel = matches!(mark, '\u{064B}'..='\u{0655}' | '\u{0670}');
    match mark.script() {
        Script::Common => false,
        Script::Inherited => is_vowel && letter.script() == Script::Arabic,
        script => script == letter.script(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn what_is_plain_stays_as_it_is() {
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
    fn what_would_not_be_seen_is_written() {
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
    fn what_has_the_look_of_something_else_is_written() {
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
    fn a_flood_of_marks_becomes_a_line_of_code_points() {
        let flood = format!("ก{}", "\u{E34}".repeat(30));
        let shown = text(&flood);
        assert_eq!(shown.matches("‹U+0E34›").count(), 27);
    }

    #[test]
    fn two_texts_that_differ_are_shown_differently() {
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
