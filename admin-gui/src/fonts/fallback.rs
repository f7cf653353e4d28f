use eframe::egui::{
    Color32, ColorImage,
    epaint::text::{GlyphBitmap, GlyphRasterizerRequest, MAX_GLYPH_SIZE, RasterizedGlyph},
    vec2,
};

use super::bitmaps::{Bitmap, SIDE, bitmap};
use crate::escape;

/// How many rows of a bitmap are above the baseline, like the ascent of the text around it.
const ABOVE: f32 = 13.0;

/// How much larger than the em of the text around it a bitmap may be.
const OVERSIZE: f32 = 1.15;

/// The hexadecimal digits, three pixels wide and five high, row by row from the top.
const DIGITS: [u16; 16] = [
    0b111_101_101_101_111,
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_010_010_010,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
    0b010_101_111_101_101,
    0b110_101_110_101_110,
    0b111_100_100_100_111,
    0b110_101_101_101_110,
    0b111_100_110_100_111,
    0b111_100_110_100_100,
];
const DIGIT_SIZE: (usize, usize) = (3, 5);

/// A bitmap and its width.
type Cell = (Bitmap, usize);

/// Draws a cluster that no font has: from bitmaps, or as boxes with the code points.
pub(super) fn missing(request: &GlyphRasterizerRequest<'_>) -> Option<RasterizedGlyph> {
    (!request.cluster.contains(char::is_control)).then(|| draw(request, Color32::WHITE, false))
}

/// Draws an invisible character as a box with the code point. Text fields show what is typed
/// unescaped, so that this is what reveals it there.
pub(super) fn invisible(
    request: &GlyphRasterizerRequest<'_>,
    color: Color32,
) -> Option<RasterizedGlyph> {
    let is_invisible =
        !request.cluster.is_ascii() && request.cluster.contains(escape::is_invisible);
    is_invisible.then(|| draw(request, color, true))
}

fn draw(request: &GlyphRasterizerRequest<'_>, color: Color32, is_color: bool) -> RasterizedGlyph {
    let scale = (request.font_size_px * OVERSIZE / SIDE as f32 - 0.1).round().max(1.0);
    let mut cells = cells(request.cluster);
    cells.truncate(MAX_GLYPH_SIZE / (SIDE * scale as usize));
    let width: usize = cells.iter().map(|(_, width)| width).sum();
    let pixels = scale as usize;
    let mut image = ColorImage::filled([width * pixels, SIDE * pixels], Color32::TRANSPARENT);
    let mut left = 0;
    for (bitmap, width) in &cells {
        for y in 0..SIDE * pixels {
            for x in 0..width * pixels {
                if bitmap[y / pixels] & (0x8000 >> (x / pixels)) != 0 {
                    image[(left + x, y)] = color;
                }
            }
        }
        left += width * pixels;
    }
    let bitmap = GlyphBitmap { image, offset_px: vec2(0.0, -ABOVE * scale), is_color };
    RasterizedGlyph { bitmap, advance_px: width as f32 * scale }
}

/// The characters of a cluster side by side. The first mark is drawn over its letter; further ones
/// apart, as overlaid marks could not be told from each other.
fn cells(cluster: &str) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut may_carry = false;
    for character in cluster.chars() {
        let known = bitmap(character).filter(|_| !escape::is_invisible(character));
        let overlaid = known.filter(|_| may_carry && escape::is_non_spacing(character));
        if let (Some(mark), Some((letter, _))) = (overlaid, cells.last_mut()) {
            letter.iter_mut().zip(mark).for_each(|(row, mark)| *row |= mark);
            may_carry = false;
            continue;
        }
        may_carry = known.is_some();
        cells.push(known.map_or_else(|| boxed(character), |&bitmap| (bitmap, width(&bitmap))));
    }
    cells
}

/// Unifont draws narrow letters in the left half.
fn width(bitmap: &Bitmap) -> usize {
    let is_narrow = bitmap.iter().all(|row| row & 0xff == 0);
    if is_narrow { SIDE / 2 } else { SIDE }
}

/// A code point in a box: two rows of digits.
fn boxed(character: char) -> Cell {
    let code = u32::from(character);
    let columns = if code > 0xffff { 3 } else { 2 };
    let (digit_width, digit_height) = DIGIT_SIZE;
    let (step, line) = (digit_width + 1, digit_height + 1);
    let (right, bottom) = (2 + columns * step, 2 + 2 * line);
    let mut bitmap = [0; SIDE];
    let mut set = |x: usize, y: usize| bitmap[y] |= 0x8000 >> x;
    for x in 0..=right {
        set(x, 0);
        set(x, bottom);
    }
    for y in 0..=bottom {
        set(0, y);
        set(right, y);
    }
    for place in 0..2 * columns {
        let digit = DIGITS[(code >> (4 * (2 * columns - 1 - place))) as usize & 0xf];
        let (left, top) = (2 + place % columns * step, 2 + place / columns * line);
        for pixel in 0..digit_width * digit_height {
            if digit & (0x4000 >> pixel) != 0 {
                set(left + pixel % digit_width, top + pixel / digit_width);
            }
        }
    }
    (bitmap, right + 2)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn different_clusters_are_drawn_differently() {
        let texts = [
            "中",
            "日",
            "한",
            "😀",
            "𠮷",
            "𠮸",
            "\u{200B}",
            "\u{200C}",
            "\u{FE0F}",
            "\u{E0061}",
            "কা",
            "ক",
            "কি",
            "ক\u{9BE}\u{9BF}",
            "ক\u{9BF}\u{9BE}",
            "\u{F8FF}",
            "\u{F8FE}",
        ];
        let mut seen = HashMap::new();
        for text in texts {
            if let Some(before) = seen.insert(cells(text), text) {
                panic!("{before:?} and {text:?} look the same");
            }
        }
    }

    #[test]
    fn largest_code_point_fits_a_cell() {
        let (bitmap, width) = boxed('\u{10FFFF}');
        assert_eq!((width, bitmap[0]), (SIDE, 0b1111_1111_1111_1110));
        assert!(bitmap.iter().all(|row| row & 1 == 0));
    }
}
