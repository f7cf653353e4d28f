//! The tab bar and the window menu.

pub(crate) mod tab;

use eframe::egui::{Align, Button, Key, Layout, RichText, Stroke, ThemePreference, Ui, vec2};

use super::{UiCommand, ViewContext, dialogs::dialog::Dialog, keys};
use crate::{
    clock::ClockZone,
    theme::{space, text, tokens},
};

pub use tab::Tab;

/// The height of a tab.
const TAB: f32 = 30.0;

/// In a narrower window the tabs stand closer to each other.
const NARROW: f32 = 560.0;

const TABS: [(Tab, &str, Key); 7] = [
    (Tab::Nodes, "Nodes", Key::Num1),
    (Tab::Map, "Map", Key::Num2),
    (Tab::Traffic, "Traffic", Key::Num3),
    (Tab::Charts, "Charts", Key::Num4),
    (Tab::Events, "Events", Key::Num5),
    (Tab::Users, "Users", Key::Num6),
    (Tab::Outcomes, "Outcomes", Key::Num7),
];

/// Draws the tab bar.
pub(crate) fn show(ui: &mut Ui, open: Tab, ctx: &ViewContext<'_>) {
    // The menu is laid out first: it keeps its room in a narrow window, and the tabs wrap.
    let row = vec2(ui.available_width(), TAB);
    ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::TOP), |ui| {
        menu(ui, ctx);
        ui.with_layout(Layout::left_to_right(Align::Center).with_main_wrap(true), |ui| {
            // The tabs of the narrowest window fit into one line.
            ui.spacing_mut().item_spacing.x = if row.x < NARROW { space::M } else { space::L };
            for (tab, name, key) in TABS {
                if tab_button(ui, tab == open, name, &format!("Shortcut: {}", key.name())) {
                    ctx.send(UiCommand::OpenTab(tab));
                }
            }
        });
    });
    if keys::are_free(ui.ctx()) {
        let pressed = TABS.iter().find(|&&(.., key)| keys::is_pressed(ui.ctx(), key));
        pressed.into_iter().for_each(|&(tab, ..)| ctx.send(UiCommand::OpenTab(tab)));
    }
}

/// Draws a tab, underlined if it is open; returns whether it was clicked.
fn tab_button(ui: &mut Ui, open: bool, name: &str, explained: &str) -> bool {
    let color = if open { tokens(ui).text } else { tokens(ui).muted };
    let words = RichText::new(name).font(text::title()).color(color);
    let button = Button::new(words).frame(false).min_size(vec2(0.0, TAB)).selected(open);
    let response = ui.add(button);
    if open || response.has_focus() || response.hovered() {
        let color = if open { tokens(ui).accent } else { tokens(ui).line };
        let (x, y) = (response.rect.x_range(), response.rect.bottom());
        ui.painter().hline(x, y, Stroke::new(2.0, color));
    }
    response.on_hover_text(explained).clicked()
}

fn menu(ui: &mut Ui, ctx: &ViewContext<'_>) {
    ui.menu_button("Window", |ui| {
        if ui.button("Save recording …").clicked() {
            ctx.send(UiCommand::OpenDialog(Dialog::save(ctx.status, ctx.clock)));
        }
        if ui.button("Open recording …").clicked() {
            ctx.send(UiCommand::OpenDialog(Dialog::open()));
        }
        if ui.button("Keys …").on_hover_text("Shortcut: ?").clicked() {
            ctx.send(UiCommand::OpenDialog(Dialog::Keys));
        }
        ui.separator();
        for (word, theme) in [
            ("Dark", ThemePreference::Dark),
            ("Light", ThemePreference::Light),
            ("Same as desktop", ThemePreference::System),
        ] {
            let chosen = ui.ctx().options(|options| options.theme_preference) == theme;
            if ui.selectable_label(chosen, word).clicked() {
                ctx.send(UiCommand::SetTheme(theme));
            }
        }
        ui.separator();
        for (word, zone) in [("Local time", ClockZone::Local), ("UTC", ClockZone::Utc)] {
            if ui.selectable_label(ctx.clock.choice() == zone, word).clicked() {
                ctx.send(UiCommand::SetZone(zone));
            }
        }
    });
}
