//! The window's fonts: Inter with tabular digits, and fallbacks for what it lacks. A character that no
//! font has is drawn as its code point, so that two different texts never look the same.
//!
//! Arabic, Devanagari, Hebrew and Thai are shaped with bundled fonts. Other scripts are drawn with the
//! desktop's fonts, which eframe finds on a thread of its own and maps into memory on demand; without
//! one, with the bitmaps of GNU Unifont.

mod bitmaps;
mod fallback;

use std::sync::Arc;

use eframe::egui::{
    Color32, Context, FontData, FontDefinitions, FontFamily, FontPriority,
    epaint::text::{GlyphRasterizer, GlyphRasterizerRequest},
};

macro_rules! fonts {
    ($($name:literal),+) => {
        [$(($name, include_bytes!(concat!("../assets/fonts/", $name, ".ttf")).as_slice())),+]
    };
}

const REGULAR: &str = "InterTabular-Regular";
const SEMI_BOLD: &str = "InterTabular-SemiBold";

/// The font files, the typefaces first.
const FILES: [(&str, &[u8]); 6] = fonts![
    "InterTabular-Regular",
    "InterTabular-SemiBold",
    "NotoSansArabic",
    "NotoSansDevanagari",
    "NotoSansHebrew",
    "NotoSansThai"
];

/// How many of them are typefaces; the rest are fallbacks.
const TYPEFACES: usize = 2;

/// The family of titles and large values.
pub(crate) fn semi_bold() -> FontFamily {
    FontFamily::Name("semi-bold".into())
}

/// Sets the window's fonts, the same on every machine. Invisible characters are drawn as their code
/// point in `code_color`.
pub(crate) fn install(ctx: &Context, code_color: Color32) {
    ctx.set_fonts(definitions());
    ctx.add_glyph_rasterizer(GlyphRasterizer::new("trunkline::missing", fallback::missing));
    let invisible =
        move |request: &GlyphRasterizerRequest<'_>| fallback::invisible(request, code_color);
    let invisible = GlyphRasterizer::new("trunkline::invisible", invisible);
    ctx.add_glyph_rasterizer(invisible.with_priority(FontPriority::Highest));
}

fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in FILES {
        fonts.font_data.insert(name.into(), Arc::new(FontData::from_static(bytes)));
    }
    let family = |typeface: &str| -> Vec<String> {
        let fallback = FILES[TYPEFACES..].iter().map(|(name, _)| *name);
        [typeface].into_iter().chain(fallback).map(Into::into).collect()
    };
    fonts.families.insert(FontFamily::Proportional, family(REGULAR));
    fonts.families.insert(FontFamily::Monospace, family(REGULAR));
    fonts.families.insert(semi_bold(), family(SEMI_BOLD));
    fonts
}
