//! The window's typefaces: Inter, with figures of one width, and what stands in where it has no
//! glyph. Two texts that differ never look the same for want of one: what nothing can draw is drawn
//! as its code point.
//!
//! Arabic, Devanagari, Hebrew and Thai are shaped from outlines that the window brings along. Other
//! scripts are drawn with the fonts of the desktop, which eframe looks for on a thread of its own
//! and maps into memory when they are needed; where it has none, with the bitmaps of GNU Unifont.

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

/// The files, the typefaces first.
const FILES: [(&str, &[u8]); 6] = fonts![
    "InterTabular-Regular",
    "InterTabular-SemiBold",
    "NotoSansArabic",
    "NotoSansDevanagari",
    "NotoSansHebrew",
    "NotoSansThai"
];

/// How many of them are typefaces.
const TYPEFACES: usize = 2;

/// The family that headings and figures are set in.
pub(crate) fn semi_bold() -> FontFamily {
    FontFamily::Name("semi-bold".into())
}

/// Gives the window its fonts, the same on every machine, and what stands in for them: what would not
/// be seen is drawn in the color `marked`.
pub(crate) fn install(ctx: &Context, marked: Color32) {
    ctx.set_fonts(definitions());
    ctx.add_glyph_rasterizer(GlyphRasterizer::new("trunkline::missing", fallback::missing));
    let invisible =
        move |request: &GlyphRasterizerRequest<'_>| fallback::invisible(request, marked);
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
