//! Lays out escaped texts: what [`escape`](crate::escape) has written as a code point is coloured, and
//! pieces that fonts shape differently are kept apart.

use eframe::egui::{
    Color32, FontId, Response, Ui,
    epaint::text::ByteIndex,
    text::{LayoutJob, LayoutSection, TextFormat},
};

use crate::{
    escape::{CODE, SPACE, code, is_mark},
    theme::tokens,
};

/// How a piece of a text is laid out. Neighbours of one kind are laid out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// From right to left. Laid out with its neighbours, it would turn those as well.
    RightToLeft,
    /// A code point that is written, in a colour of its own.
    Code,
    /// A letter that no font has, with its marks. Each is a piece of its own.
    Missing,
}

/// Draws an escaped text.
pub(crate) fn label(ui: &mut Ui, text: &str, font: FontId, color: Color32) -> Response {
    let job = layout(ui, text, font, color);
    ui.label(job)
}

/// The layout of an escaped text, with code points in the warning colour.
pub(crate) fn layout(ui: &Ui, text: &str, font: FontId, color: Color32) -> LayoutJob {
    layout_with_codes(ui, text, font, color, tokens(ui).warning)
}

/// The layout of an escaped text on a ground where the warning colour is not legible.
pub(crate) fn layout_with_codes(
    ui: &Ui,
    text: &str,
    font: FontId,
    color: Color32,
    codes: Color32,
) -> LayoutJob {
    let mut job = LayoutJob::default();
    if text.is_ascii() {
        job.append(text, 0.0, TextFormat::simple(font, color));
        return job;
    }
    let pieces = ui.fonts_mut(|fonts| pieces(text, |character| fonts.has_glyph(&font, character)));
    for (kind, piece) in pieces {
        let color = if kind == Kind::Code { codes } else { color };
        let start = ByteIndex(job.text.len());
        job.text += &piece;
        // `LayoutJob::append` would merge this section with one before it of the same format.
        job.sections.push(LayoutSection {
            leading_space: 0.0,
            byte_range: start..ByteIndex(job.text.len()),
            format: TextFormat::simple(font.clone(), color),
        });
    }
    job
}

fn pieces(text: &str, mut has_glyph: impl FnMut(char) -> bool) -> Vec<(Kind, String)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(code) = leading_code(rest) {
            push(&mut pieces, Kind::Code, code);
            rest = &rest[code.len()..];
            continue;
        }
        let (letter, after) = rest.split_at(letter_end(rest));
        rest = after;
        if !first.is_ascii() && !has_glyph(first) {
            push(&mut pieces, Kind::Missing, letter);
            continue;
        }
        let kind = if is_right_to_left(first) { Kind::RightToLeft } else { Kind::Plain };
        for (at, character) in letter.char_indices() {
            if at == 0 || has_glyph(character) {
                push(&mut pieces, kind, &letter[at..at + character.len_utf8()]);
            } else {
                // The letter's font would leave the mark out.
                push(&mut pieces, Kind::Code, &code(character));
            }
        }
    }
    pieces
}

fn push(pieces: &mut Vec<(Kind, String)>, kind: Kind, text: &str) {
    match pieces.last_mut().filter(|(last, _)| *last == kind && kind != Kind::Missing) {
        Some((_, piece)) => piece.push_str(text),
        None => pieces.push((kind, text.to_owned())),
    }
}

/// The escaped code point or space at the start of a text.
fn leading_code(text: &str) -> Option<&str> {
    if text.starts_with(SPACE) {
        return Some(&text[..SPACE.len_utf8()]);
    }
    let (before, after) = CODE;
    let digits = text.strip_prefix(before)?.strip_prefix("U+")?;
    let end = text.len() - digits.len() + digits.find(after)? + after.len_utf8();
    Some(&text[..end])
}

/// Where the marks after the first letter end.
fn letter_end(text: &str) -> usize {
    let after = text.char_indices().skip(1).find(|&(_, character)| !is_mark(character));
    after.map_or(text.len(), |(at, _)| at)
}

/// Whether a character is of a script that is written from right to left.
fn is_right_to_left(character: char) -> bool {
    matches!(
        character,
        '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}'
            | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}'
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use eframe::egui::{Context, RawInput};

    use super::*;
    use crate::{
        escape,
        theme::{self, text},
    };

    #[test]
    fn pieces_are_laid_out_by_kind() {
        let cases: [(&str, &[(Kind, &str)]); 4] = [
            (
                "end алиса‹U+200B›?",
                &[(Kind::Plain, "end алиса"), (Kind::Code, "‹U+200B›"), (Kind::Plain, "?")],
            ),
            ("a דוד b", &[(Kind::Plain, "a "), (Kind::RightToLeft, "דוד"), (Kind::Plain, " b")]),
            ("中文‹", &[(Kind::Missing, "中"), (Kind::Missing, "文"), (Kind::Plain, "‹")]),
            ("กิ", &[(Kind::Plain, "ก"), (Kind::Code, "‹U+0E34›")]),
        ];
        let has_glyph =
            |character| !('\u{4E00}'..='\u{9FFF}').contains(&character) && character != '\u{E34}';
        for (text, expected) in cases {
            let pieces = pieces(text, has_glyph);
            let pieces: Vec<_> =
                pieces.iter().map(|(kind, piece)| (*kind, piece.as_str())).collect();
            assert_eq!(pieces, expected, "{text}");
        }
    }

    /// Names that a font may draw alike.
    const NAMES: &[&str] = &[
        "alice",
        "alice ",
        " alice",
        "alice\u{200B}",
        "ali\u{200D}ce",
        "\u{202E}alice",
        "alice\u{FE0F}",
        "al ice",
        "al  ice",
        "al\u{A0}ice",
        "北京",
        "北亰",
        "山田",
        "山由",
        "김민수",
        "김민주",
        "محمد",
        "محمود",
        "دوד",
        "דוד",
        "דור",
        "สมชาย",
        "สมชัย",
        "अमित",
        "अमिता",
        "தமிழ்",
        "தமிழ",
        "বাংলা",
        "বংলা",
        "😀",
        "😁",
        "👍🏽",
        "👍🏿",
        "é",
        "e\u{301}",
        "e",
        "𠮷",
        "𠮸",
        "\u{E000}",
        "\u{E001}",
        "ߊabc",
        "cbaߊ",
        "ܣabc",
        "cbaܣ",
        "אक",
        "कא",
        "a\u{E34}",
        "a",
        "a\u{1AB0}",
        "‹U+200B›",
        "\u{200B}",
        "ক্ষ",
        "কষ",
        "က္က",
        "ကက",
        "ꓮ",
        "ᏸ",
        "\u{1F1E9}\u{1F1EA}",
        "\u{1F1EA}\u{1F1E9}",
    ];

    /// Which glyphs of the font atlas a text is drawn with, and where.
    fn glyphs_of(ctx: &Context, name: &str) -> Vec<[i64; 3]> {
        let mut seen = Vec::new();
        let mut frame = ctx.run_ui(RawInput::default(), |ui| {
            let job = layout(ui, &escape::text(name), text::body(), Color32::WHITE);
            let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
            for (number, row) in galley.rows.iter().enumerate() {
                let glyphs = row.row.glyphs.iter().filter(|glyph| !glyph.uv_rect.is_nothing());
                seen.extend(glyphs.map(|glyph| {
                    let [x, y] = glyph.uv_rect.min.map(i64::from);
                    [x << 32 | y, glyph.pos.x.round() as i64, number as i64]
                }));
            }
        });
        frame.textures_delta.clear();
        seen
    }

    #[test]
    fn different_names_are_drawn_differently() {
        let ctx = Context::default();
        theme::apply(&ctx);
        let mut seen = HashMap::new();
        for &name in NAMES {
            let glyphs = glyphs_of(&ctx, name);
            assert!(!glyphs.is_empty(), "nothing is drawn of {name:?}");
            if let Some(before) = seen.insert(glyphs, name) {
                panic!("{before:?} and {name:?} look the same");
            }
        }
    }
}
