//! The window's typeface: Inter, with figures of one width.

use std::sync::Arc;

use eframe::egui::{FontData, FontDefinitions, FontFamily};

const REGULAR: &[u8] = include_bytes!("../assets/fonts/InterTabular-Regular.ttf");
const SEMI_BOLD: &[u8] = include_bytes!("../assets/fonts/InterTabular-SemiBold.ttf");

/// The family that headings and figures are set in.
pub(crate) fn semi_bold() -> FontFamily {
    FontFamily::Name("semi-bold".into())
}

/// The fonts that the window brings along, so that it looks the same on every machine.
pub(crate) fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in [("regular", REGULAR), ("semi-bold", SEMI_BOLD)] {
        fonts.font_data.insert(name.into(), Arc::new(FontData::from_static(bytes)));
    }
    let regular = vec!["regular".to_owned()];
    fonts.families.insert(FontFamily::Proportional, regular.clone());
    fonts.families.insert(FontFamily::Monospace, regular);
    fonts.families.insert(semi_bold(), vec!["semi-bold".into()]);
    fonts
}
