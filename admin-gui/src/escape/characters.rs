use unicode_general_category::{GeneralCategory as Category, get_general_category};
use unicode_script::{Script, UnicodeScript as _};

/// Whether a character is drawn as nothing, or as empty space. The ASCII space is not one of them.
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
            // … and visible categories whose glyph is empty: the Braille blank, the null notehead.
            | '\u{2800}' | '\u{1D159}'
    )
}

/// Whether a character is a mark on the letter before it.
pub(crate) fn is_mark(character: char) -> bool {
    is_non_spacing(character)
        || !character.is_ascii() && get_general_category(character) == Category::SpacingMark
}

/// Whether a mark has no width of its own.
pub(crate) fn is_non_spacing(character: char) -> bool {
    !character.is_ascii()
        && matches!(
            get_general_category(character),
            Category::NonspacingMark | Category::EnclosingMark
        )
}

/// Whether a letter and a mark are of scripts that belong together. For others a font may have the
/// letter and lack the mark, and would leave the mark out.
pub(super) fn carries(letter: char, mark: char) -> bool {
    let is_vowel = matches!(mark, '\u{064B}'..='\u{0655}' | '\u{0670}');
    match mark.script() {
        Script::Common => false,
        Script::Inherited => is_vowel && letter.script() == Script::Arabic,
        script => script == letter.script(),
    }
}

pub(super) fn is_latin(character: char) -> bool {
    character.script() == Script::Latin
}

/// Whether a letter is of a script that has letters that look Latin.
pub(super) fn looks_latin(character: char) -> bool {
    !character.is_ascii()
        && matches!(
            character.script(),
            Script::Armenian | Script::Cherokee | Script::Coptic | Script::Cyrillic | Script::Greek
        )
}

/// Whether a character is a ligature, or a Hebrew or Arabic letter in the form it has beside others.
/// Shaping produces these from plain letters.
pub(super) fn is_presentation_form(character: char) -> bool {
    matches!(character, '\u{FB00}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}')
}
