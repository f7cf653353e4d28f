//! The parts of the window, and the way from one to another.

use clap::ValueEnum;
use eframe::egui::{Align, Button, Key, Layout, RichText, Stroke, ThemePreference, Ui, vec2};
use serde::{Deserialize, Serialize};

use super::{Showing, Wish, Wishes, dialogs::Dialog};
use crate::theme::{space, text, tokens};

/// How high a tab is.
const TAB: f32 = 30.0;

/// A part of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
pub enum Tab {
    /// The nodes, and what they do together.
    #[default]
    Nodes,
    /// The relay and the nodes around it.
    Map,
    /// Who sends how much to whom.
    Traffic,
    /// What was, over time.
    Charts,
    /// What happened.
    Events,
    /// Who is where.
    Users,
}

impl Tab {
    const ALL: [(Self, &'static str, Key); 6] = [
        (Self::Nodes, "Nodes", Key::Num1),
        (Self::Map, "Map", Key::Num2),
        (Self::Traffic, "Traffic", Key::Num3),
        (Self::Charts, "Charts", Key::Num4),
        (Self::Events, "Events", Key::Num5),
        (Self::Users, "Users", Key::Num6),
    ];
}

/// Draws the row of tabs.
pub(crate) fn show(ui: &mut Ui, open: Tab, showing: &Showing<'_>, wishes: &mut Wishes) {
    let from_the_right = Layout::right_to_left(Align::TOP);
    // The menu comes first: however narrow the window is, it keeps its room, and the tabs wrap.
    let row = vec2(ui.available_width(), TAB);
    ui.allocate_ui_with_layout(row, from_the_right, |ui| {
        menu(ui, showing, wishes);
        ui.with_layout(Layout::left_to_right(Align::Center).with_main_wrap(true), |ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            for (tab, name, key) in Tab::ALL {
                if link(ui, tab == open, name, &format!("Press {}", key.name())) {
                    wishes.push(Wish::Turn(tab));
                }
            }
        });
    });
    if ui.memory(|memory| memory.focused().is_none()) {
        let pressed = Tab::ALL.iter().find(|&&(.., key)| ui.input(|input| input.key_pressed(key)));
        wishes.extend(pressed.map(|&(tab, ..)| Wish::Turn(tab)));
    }
}

/// A tab: a word, underlined where it is open.
fn link(ui: &mut Ui, open: bool, name: &str, explained: &str) -> bool {
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

fn menu(ui: &mut Ui, showing: &Showing<'_>, wishes: &mut Wishes) {
    ui.menu_button("Window", |ui| {
        if ui.button("Save a recording …").clicked() {
            wishes.push(Wish::Ask(Dialog::save(showing)));
        }
        if ui.button("Open a recording …").clicked() {
            wishes.push(Wish::Ask(Dialog::open()));
        }
        ui.separator();
        for (word, theme) in [
            ("Dark", ThemePreference::Dark),
            ("Light", ThemePreference::Light),
            ("As the desktop", ThemePreference::System),
        ] {
            let chosen = ui.ctx().options(|options| options.theme_preference) == theme;
            if ui.selectable_label(chosen, word).clicked() {
                wishes.push(Wish::Theme(theme));
            }
        }
    });
}
