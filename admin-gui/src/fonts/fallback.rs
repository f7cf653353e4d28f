use eframe::egui::{
    Color32, ColorImage,
    epaint::text::{GlyphBitmap, GlyphRasterizerRequest, MAX_GLYPH_SIZE, RasterizedGlyph},
    vec2,
};

use super::bitmaps::{Bitmap, SIDE, bitmap};
use crate::visible;

/// How many rows of a bitmap stand above the base line: as many as of the words around it.
const ABOVE: f32 = 13.0;

/// How much larger than the em of the words around it a bitmap may be.
const LARGER: f32 = 1.15;

/// The figures 0 to F, three pixels wide and five high, row by row from the top.
const FIGURES: [u16; 16] = [
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
const FIGURE: (usize, usize) = (3, 5);

/// A part of what is drawn: a bitmap and its width.
type Cell = (Bitmap, usize);

/// Draws what no font has: from bitmaps, or as a box with the code point.
pub(super) fn missing(request: &GlyphRasterizerRequest<'_>) -> Option<RasterizedGlyph> {
    (!request.cluster.contains(char::is_control)).then(|| draw(request, Color32::WHITE, false))
}

/// Draws what would not be seen, also in a field that is typed into, as a box with the code point.
pub(super) fn invisible(
    request: &GlyphRasterizerRequest<'_>,
    marked: Color32,
) -> Option<RasterizedGlyph> {
    let is_seen = request.cluster.is_ascii() || !request.cluster.contains(visible::is_invisible);
    (!is_seen).then(|| draw(request, marked, true))
}

fn draw(request: &GlyphRasterizerRequest<'_>, color: Color32, is_color: bool) -> RasterizedGlyph {
    let scale = (request.font_size_px * LARGER / SIDE as f32 - 0.1).round().max(1.0);
    let mut cells = cells(request.cluster);
    cells.truncate(MAX_GLYPH_SIZE / (SIDE * scale as usize));
    let width: usize = cells.iter().map(|(_, width)| width).sum();
    let times = scale as usize;
    let mut image = ColorImage::filled([width * times, SIDE * times], Color32::TRANSPARENT);
    let mut left = 0;
    for (bitmap, width) in &cells {
        for y in 0..SIDE * times {
            for x in 0..width * times {
                if bitmap[y / times] & (0x8000 >> (x / times)) != 0 {
                    image[(left + x, y)] = color;
                }
            }
        }
        left += width * times;
    }
    let bitmap = GlyphBitmap { image, offset_px: vec2(0.0, -ABOVE * scale), is_color };
    RasterizedGlyph { bitmap, advance_px: width as f32 * scale }
}

/// The characters of a cluster side by side. The first mark lies upon the letter before it; a second
/// one would hide which of them is which.
fn cells(cluster: &str) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut may_carry = false;
    for character in cluster.chars() {
        let known = bitmap(character).filter(|_| !visible::is_invisible(character));
        let carried = known.filter(|_| may_carry && visible::lies_upon(character));
        if let (Some(mark), Some((letter, _))) = (carried, cells.last_mut()) {
            letter.iter_mut().zip(mark).for_each(|(row, mark)| *row |= mark);
            may_carry = false;
            continue;
        }
        may_carry = known.is_some();
        cells.push(known.map_or_else(|| boxed(character), |&bitmap| (bitmap, width(&bitmap))));
    }
    cells
}

/// Half of a bitmap is enough for a narrow letter.
fn width(bitmap: &Bitmap) -> usize {
    let is_narrow = bitmap.iter().all(|row| row & 0xff == 0);
    if is_narrow { SIDE / 2 } else { SIDE }
}

/// A code point in a box: two rows of figures.
fn boxed(character: char) -> Cell {
    let code = u32::from(character);
    let columns = if code > 0xffff { 3 } else { 2 };
    let (figure_width, figure_height) = FIGURE;
    let (step, line) = (figure_width + 1, figure_height + 1);
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
        let figure = FIGURES[(code >> (4 * (2 * columns - 1 - place))) as usize & 0xf];
        let (left, top) = (2 + place % columns * step, 2 + place / columns * line);
        for at in 0..figure_width * figure_height {
            if figure & (0x4000 >> at) != 0 {
                set(left + at % figure_width, top + at / figure_width);
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
    fn what_differs_is_drawn_differently() {
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
    fn the_largest_code_point_fits() {
        let (bitmap, width) = boxed('\u{10FFFF}');
        assert_eq!((width, bitmap[0]), (SIDE, 0b1111_1111_1111_1110));
        assert!(bitmap.iter().all(|row| row & 1 == 0));
    }
}
