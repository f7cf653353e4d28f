//! The window's design tokens: colours by meaning, spacing, and a type scale. No other module names a
//! colour or a size of text.

use eframe::egui::{
    self, Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style,
    TextStyle, Theme, Ui, Vec2, Visuals, style::WidgetVisuals, vec2,
};
use trunkline_protocol::control::MemberState;

use crate::{fonts, state::Severity};

#[cfg(test)]
mod contrast;

/// The colour of the code point of an invisible character. Legible on dark and light grounds: glyphs
/// are drawn once for both themes.
const CODE_POINT: Color32 = rgb(0xc88a10);

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
    pub(crate) const ROW: f32 = 22.0;
}

const fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

macro_rules! tokens {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $dark:expr, $light:expr;)+) => {
        /// The colours of one theme, by meaning.
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct Tokens { $($(#[doc = $doc])+ pub(crate) $name: $type,)+ }

        const DARK: Tokens = Tokens { $($name: $dark,)+ };
        const LIGHT: Tokens = Tokens { $($name: $light,)+ };
    };
}

// Each with its colour in the dark and in the light theme.
tokens! {
    /// Behind everything.
    ground: Color32 = rgb(0x12151a), rgb(0xfbfbfc);
    /// Behind headers and side panels.
    raised: Color32 = rgb(0x191d24), rgb(0xf1f3f6);
    /// Behind tooltips, menus and dialogs.
    floating: Color32 = rgb(0x222730), rgb(0xffffff);
    /// Behind buttons and fields.
    control: Color32 = rgb(0x232933), rgb(0xeceff3);
    /// Behind the button or the row under the pointer.
    hover: Color32 = rgb(0x2a313d), rgb(0xe3e8ef);
    /// Around buttons and fields, and the rails of sliders.
    outline: Color32 = rgb(0x6f7c90), rgb(0x7a8492);
    /// Fine lines, and the empty share of a bar.
    line: Color32 = rgb(0x2b323d), rgb(0xd9dde3);
    /// Text.
    text: Color32 = rgb(0xe7eaee), rgb(0x191e26);
    /// Labels, units, and less important text.
    muted: Color32 = rgb(0xaab4c2), rgb(0x48525f);
    /// Absent and disabled items.
    faint: Color32 = rgb(0x939dac), rgb(0x5d6774);
    /// Selection, focus and links.
    accent: Color32 = rgb(0x6aaef5), rgb(0x1560b8);
    /// Behind selected items.
    selected: Color32 = rgb(0x1d324c), rgb(0xdbe9fa);
    /// As it should be.
    good: Color32 = rgb(0x3cba92), rgb(0x0a6f51);
    /// Worth knowing.
    note: Color32 = rgb(0x5cc6dc), rgb(0x0a6579);
    /// Users may be affected soon.
    warning: Color32 = rgb(0xecb43c), rgb(0x835600);
    /// Users are affected.
    bad: Color32 = rgb(0xf57f68), rgb(0xb8331c);
    /// An unconfirmed outcome.
    indeterminate: Color32 = rgb(0xbf97e6), rgb(0x7443ab);
    /// Measured values, in charts and bars, which are neither good nor bad. The hues are those of
    /// Okabe and Ito that no state has; all are told apart without red, green or blue cones.
    series: [Color32; 3] =
        [rgb(0x4681f0), rgb(0xf2e57e), rgb(0xe0569f)],
        [rgb(0x2f74f2), rgb(0x8a8000), rgb(0xc8387f)];
    /// Text on a filled button.
    on_fill: Color32 = rgb(0x101318), Color32::WHITE;
    /// A heat map's scale, from zero to the maximum.
    heat: [Color32; 4] =
        [rgb(0x191d24), rgb(0x1d3d61), rgb(0x3578b8), rgb(0xa6d3ff)],
        [rgb(0xf1f3f6), rgb(0xbcd8f4), rgb(0x4f95dc), rgb(0x0d3f7d)];
}

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
    let widget = |fill: Color32, outline: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, outline),
        corner_radius: CornerRadius::same(5),
        fg_stroke: Stroke::new(1.0, tokens.text),
        expansion: 0.0,
    };
    let shadow =
        Shadow { offset: [0, 6], blur: 24, spread: 0, color: Color32::from_black_alpha(70) };
    let fine = Stroke::new(1.0, tokens.line);
    visuals.widgets.noninteractive = widget(tokens.ground, tokens.line);
    // Rails, scroll bars and check boxes are drawn in `bg_fill`, without an outline.
    visuals.widgets.inactive =
        WidgetVisuals { bg_fill: tokens.outline, ..widget(tokens.control, tokens.outline) };
    visuals.widgets.hovered = widget(tokens.hover, tokens.muted);
    visuals.widgets.active = widget(tokens.hover, tokens.accent);
    visuals.widgets.open = widget(tokens.hover, tokens.muted);
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
