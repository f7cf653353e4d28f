//! The window's design tokens: colours by meaning, spacing, and a type scale. No other module names a
//! colour or a size of text.

use eframe::egui::{
    self, Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style,
    TextStyle, Theme, Ui, Vec2, Visuals, style::WidgetVisuals, vec2,
};
use trunkline_protocol::control::MemberState;

use crate::{fonts, state::Severity};

/// The colour of the code point of an invisible character. Legible on dark and light grounds: glyphs
/// are drawn once for both themes.
const CODE_POINT: Color32 = Color32::from_rgb(0xc8, 0x8a, 0x10);

/// Distances in points.
pub(crate) mod space {
    /// Between a value and its unit or symbol.
    pub(crate) const XS: f32 = 4.0;
    /// Between related items.
    pub(crate) const S: f32 = 8.0;
    /// Between items.
    pub(crate) const M: f32 = 12.0;
    /// Around a panel.
    pub(crate) const L: f32 = 20.0;
    /// Between groups.
    pub(crate) const XL: f32 = 32.0;
    /// The height of a table's row.
    pub(crate) const ROW: f32 = 26.0;
}

/// The colours of one theme, by what they mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    /// Behind everything.
    pub(crate) ground: Color32,
    /// Behind headers and side panels.
    pub(crate) raised: Color32,
    /// Behind tooltips, menus and dialogs.
    pub(crate) floating: Color32,
    /// Behind buttons and fields.
    pub(crate) control: Color32,
    /// Behind the button under the pointer.
    pub(crate) hover: Color32,
    /// Fine lines, and the empty share of a bar.
    pub(crate) line: Color32,
    /// Text.
    pub(crate) text: Color32,
    /// Labels, units, and less important text.
    pub(crate) muted: Color32,
    /// Absent and disabled items.
    pub(crate) faint: Color32,
    /// Selection, focus and links.
    pub(crate) accent: Color32,
    /// Behind selected items.
    pub(crate) selected: Color32,
    /// As it should be.
    pub(crate) good: Color32,
    /// Worth knowing.
    pub(crate) note: Color32,
    /// Users may be affected soon.
    pub(crate) warning: Color32,
    /// Users are affected.
    pub(crate) bad: Color32,
    /// An unconfirmed outcome.
    pub(crate) indeterminate: Color32,
    /// Text on a filled button.
    pub(crate) on_fill: Color32,
    /// A heat map's scale, from zero to the maximum.
    pub(crate) heat: [Color32; 4],
}

const DARK: Tokens = Tokens {
    ground: Color32::from_rgb(0x12, 0x15, 0x1a),
    raised: Color32::from_rgb(0x19, 0x1d, 0x24),
    floating: Color32::from_rgb(0x22, 0x27, 0x30),
    control: Color32::from_rgb(0x26, 0x2c, 0x36),
    hover: Color32::from_rgb(0x30, 0x38, 0x45),
    line: Color32::from_rgb(0x2b, 0x32, 0x3d),
    text: Color32::from_rgb(0xe7, 0xea, 0xee),
    muted: Color32::from_rgb(0x9c, 0xa6, 0xb4),
    faint: Color32::from_rgb(0x6d, 0x78, 0x88),
    accent: Color32::from_rgb(0x6a, 0xae, 0xf5),
    selected: Color32::from_rgb(0x20, 0x37, 0x52),
    good: Color32::from_rgb(0x3c, 0xba, 0x92),
    note: Color32::from_rgb(0x7a, 0xb8, 0xf0),
    warning: Color32::from_rgb(0xec, 0xb4, 0x3c),
    bad: Color32::from_rgb(0xf4, 0x74, 0x5b),
    indeterminate: Color32::from_rgb(0xbf, 0x97, 0xe6),
    on_fill: Color32::from_rgb(0x10, 0x13, 0x18),
    heat: [
        Color32::from_rgb(0x19, 0x1d, 0x24),
        Color32::from_rgb(0x1d, 0x3d, 0x61),
        Color32::from_rgb(0x35, 0x78, 0xb8),
        Color32::from_rgb(0xa6, 0xd3, 0xff),
    ],
};

const LIGHT: Tokens = Tokens {
    ground: Color32::from_rgb(0xfb, 0xfb, 0xfc),
    raised: Color32::from_rgb(0xf1, 0xf3, 0xf6),
    floating: Color32::from_rgb(0xff, 0xff, 0xff),
    control: Color32::from_rgb(0xe4, 0xe8, 0xed),
    hover: Color32::from_rgb(0xd8, 0xde, 0xe6),
    line: Color32::from_rgb(0xd9, 0xdd, 0xe3),
    text: Color32::from_rgb(0x19, 0x1e, 0x26),
    muted: Color32::from_rgb(0x55, 0x5f, 0x6e),
    faint: Color32::from_rgb(0x8a, 0x94, 0xa2),
    accent: Color32::from_rgb(0x17, 0x66, 0xc2),
    selected: Color32::from_rgb(0xd3, 0xe4, 0xf8),
    good: Color32::from_rgb(0x0b, 0x75, 0x56),
    note: Color32::from_rgb(0x1c, 0x66, 0xb0),
    warning: Color32::from_rgb(0x96, 0x62, 0x00),
    bad: Color32::from_rgb(0xbd, 0x35, 0x1d),
    indeterminate: Color32::from_rgb(0x74, 0x43, 0xab),
    on_fill: Color32::WHITE,
    heat: [
        Color32::from_rgb(0xf1, 0xf3, 0xf6),
        Color32::from_rgb(0xbc, 0xd8, 0xf4),
        Color32::from_rgb(0x4f, 0x95, 0xdc),
        Color32::from_rgb(0x0d, 0x3f, 0x7d),
    ],
};

/// The colours of the theme that `ui` is drawn in.
pub(crate) fn tokens(ui: &Ui) -> &'static Tokens {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// Fonts by purpose.
pub(crate) mod text {
    use super::*;

    /// The cluster's health.
    pub(crate) fn headline() -> FontId {
        FontId::new(22.0, fonts::semi_bold())
    }

    /// A large value.
    pub(crate) fn number() -> FontId {
        FontId::new(19.0, fonts::semi_bold())
    }

    /// The title of a panel or chart.
    pub(crate) fn title() -> FontId {
        FontId::new(15.0, fonts::semi_bold())
    }

    /// Emphasised text.
    pub(crate) fn strong() -> FontId {
        FontId::new(13.0, fonts::semi_bold())
    }

    /// Text.
    pub(crate) fn body() -> FontId {
        FontId::new(13.0, FontFamily::Proportional)
    }

    /// Labels of values, column headers, axes.
    pub(crate) fn label() -> FontId {
        FontId::new(11.5, FontFamily::Proportional)
    }
}

/// A coloured shape. The shape alone tells as much, for the colour-blind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatusSymbol {
    /// A single character.
    pub(crate) shape: &'static str,
    /// Its colour.
    pub(crate) color: Color32,
}

impl Tokens {
    /// The symbol of a severity.
    pub(crate) fn severity(&self, severity: Severity) -> StatusSymbol {
        let (shape, color) = match severity {
            Severity::Good => ("●", self.good),
            Severity::Note => ("◆", self.note),
            Severity::Warning => ("▲", self.warning),
            Severity::Bad => ("■", self.bad),
        };
        StatusSymbol { shape, color }
    }

    /// The symbol of a node's state.
    pub(crate) fn state(&self, state: MemberState) -> StatusSymbol {
        let (shape, color) = match state {
            MemberState::Live => ("●", self.good),
            MemberState::Joining => ("○", self.note),
            MemberState::Draining => ("◆", self.note),
            MemberState::Suspect => ("▲", self.warning),
            MemberState::Dead => ("×", self.bad),
            MemberState::Left => ("□", self.faint),
        };
        StatusSymbol { shape, color }
    }
}

/// A node's state in a word.
pub(crate) fn state_word(state: MemberState) -> &'static str {
    match state {
        MemberState::Live => "live",
        MemberState::Joining => "joining",
        MemberState::Draining => "draining",
        MemberState::Suspect => "suspect",
        MemberState::Dead => "dead",
        MemberState::Left => "left",
    }
}

/// Sets the window's fonts, and its style in both themes.
pub(crate) fn apply(ctx: &Context) {
    fonts::install(ctx, CODE_POINT);
    ctx.set_style_of(Theme::Dark, style(&DARK, Visuals::dark()));
    ctx.set_style_of(Theme::Light, style(&LIGHT, Visuals::light()));
}

fn style(tokens: &Tokens, visuals: Visuals) -> Style {
    let mut style = Style { visuals: recolor(tokens, visuals), ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, text::label()),
        (TextStyle::Body, text::body()),
        (TextStyle::Button, text::body()),
        (TextStyle::Heading, text::title()),
        (TextStyle::Monospace, text::body()),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::S, space::XS);
    spacing.button_padding = vec2(10.0, 5.0);
    spacing.interact_size = vec2(36.0, 26.0);
    spacing.window_margin = Margin::same(space::L as i8);
    spacing.menu_margin = Margin::same(space::S as i8);
    spacing.tooltip_width = 340.0;
    spacing.slider_rail_height = 4.0;
    spacing.scroll = egui::style::ScrollStyle::thin();
    style.interaction.tooltip_delay = 0.35;
    // A label that can be selected takes the clicks on the row of the table around it.
    style.interaction.selectable_labels = false;
    style.animation_time = 0.1;
    style
}

fn recolor(tokens: &Tokens, mut visuals: Visuals) -> Visuals {
    let widget = |fill: Color32, text: Color32, outline: Stroke| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: outline,
        corner_radius: CornerRadius::same(5),
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    let shadow =
        Shadow { offset: [0, 6], blur: 24, spread: 0, color: Color32::from_black_alpha(70) };
    let fine = Stroke::new(1.0, tokens.line);
    visuals.widgets.noninteractive = widget(tokens.ground, tokens.text, fine);
    visuals.widgets.inactive = widget(tokens.control, tokens.text, Stroke::NONE);
    visuals.widgets.hovered = widget(tokens.hover, tokens.text, Stroke::NONE);
    visuals.widgets.active = widget(tokens.hover, tokens.text, Stroke::new(1.5, tokens.accent));
    visuals.widgets.open = widget(tokens.hover, tokens.text, Stroke::NONE);
    visuals.selection.bg_fill = tokens.selected;
    visuals.selection.stroke = Stroke::new(1.0, tokens.accent);
    visuals.weak_text_color = Some(tokens.muted);
    visuals.hyperlink_color = tokens.accent;
    visuals.warn_fg_color = tokens.warning;
    visuals.error_fg_color = tokens.bad;
    visuals.panel_fill = tokens.ground;
    visuals.faint_bg_color = tokens.raised;
    visuals.extreme_bg_color = tokens.line;
    visuals.text_edit_bg_color = Some(tokens.control);
    visuals.code_bg_color = tokens.raised;
    visuals.window_fill = tokens.floating;
    visuals.window_stroke = fine;
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.window_corner_radius = CornerRadius::same(8);
    visuals.menu_corner_radius = CornerRadius::same(6);
    visuals.indent_has_left_vline = false;
    visuals.slider_trailing_fill = true;
    visuals.text_cursor.stroke = Stroke::new(2.0, tokens.accent);
    visuals
}

/// The colours of the window's icon: behind, the links, the nodes.
pub(crate) fn icon() -> (Color32, Color32, Color32) {
    (DARK.control, DARK.good, DARK.text)
}

/// The frame of a panel: a margin, and no line.
pub(crate) fn panel(fill: Color32) -> egui::Frame {
    egui::Frame::new().fill(fill).inner_margin(Margin::symmetric(space::L as i8, space::M as i8))
}

/// The frame of a dialog.
pub(crate) fn dialog(ui: &Ui) -> egui::Frame {
    egui::Frame::popup(ui.style()).inner_margin(Margin::same(24)).corner_radius(10)
}

/// The frame of a panel below another.
pub(crate) fn lower_panel() -> egui::Frame {
    egui::Frame::new().inner_margin(Margin { top: space::M as i8, ..Margin::ZERO })
}

/// The frame of a panel to the right of another.
pub(crate) fn right_panel() -> egui::Frame {
    egui::Frame::new().inner_margin(Margin { left: space::L as i8, ..Margin::ZERO })
}

/// The frame of a panel to the left of another.
pub(crate) fn left_panel() -> egui::Frame {
    egui::Frame::new().inner_margin(Margin { right: space::L as i8, ..Margin::ZERO })
}

/// The size of a bar that shows how full something is.
pub(crate) const BAR: Vec2 = vec2(72.0, 4.0);
