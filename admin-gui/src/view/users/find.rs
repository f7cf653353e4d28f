use eframe::egui::{Id, Key, RichText, ScrollArea, TextEdit, TextStyle, Ui};
use trunkline_directory::UserLocation;
use trunkline_protocol::{
    User,
    status::{AdminCommand, NodeStatus},
};

use crate::{
    escape, escaped_text,
    format::{plural, since},
    state::{QueryCache, UserQuery, UserSearch},
    theme::{StatusSymbol, space, state_word, text, tokens},
    view::{
        Showing, Wish, Wishes,
        dialogs::Dialog,
        parts::{label, marked, offer_copy, user_link},
    },
};

/// Draws the field, and what was found.
pub(super) fn show(
    ui: &mut Ui,
    words: &mut String,
    known: &QueryCache,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) {
    let title = ui.label(RichText::new("Find a user").font(text::title()));
    ui.add_space(space::XS);
    field(ui, title.id, words, wishes);
    ui.add_space(space::M);
    if let Some(sought) = &known.user {
        one(ui, sought, showing, wishes);
    }
    if let Some(search) = &known.search {
        many(ui, search, wishes);
    }
}

fn field(ui: &mut Ui, title: Id, words: &mut String, wishes: &mut Wishes) {
    let hint = "the user's key, as it logs in";
    let field = TextEdit::singleline(words).hint_text(hint).id_salt("user key");
    let response = ui.add(field.desired_width(f32::INFINITY)).labelled_by(title);
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let user = words.parse::<User>();
    if let (Err(error), false) = (&user, words.is_empty()) {
        ui.label(RichText::new(error.to_string()).color(tokens(ui).warning));
    }
    ui.horizontal(|ui| {
        ui.add_enabled_ui(user.is_ok(), |ui| {
            let exact = ui.button("Find exactly").on_hover_text("Where this user is. Press Enter.");
            let starts = ui.button("Find all that begin so");
            let starts = starts.on_hover_text("Looks through the directory step by step, at most until 1,000 are found; it can be stopped.");
            if let Ok(user) = user {
                if exact.clicked() || entered {
                    wishes.push(Wish::FindUser(user));
                } else if starts.clicked() {
                    wishes.push(Wish::Search(words.clone()));
                }
            }
        });
    });
}

fn one(ui: &mut Ui, sought: &UserQuery, showing: &Showing<'_>, wishes: &mut Wishes) {
    let UserQuery { user, locations: places } = sought;
    let places = places.as_ref();
    let shown = escape::text(user.as_str());
    let name = escaped_text::label(ui, &shown, text::strong(), tokens(ui).text);
    offer_copy(&name, user);
    ui.horizontal(|ui| {
        let explained = "Send a message and follow it hop by hop: why does this user not get any?";
        if showing.may_act && ui.button("Test …").on_hover_text(explained).clicked() {
            let action = AdminCommand::Test { user: user.clone(), node: None };
            wishes.push(Wish::Ask(Dialog::confirm(action, showing)));
        }
        let online = places.is_some_and(|places| places.as_ref().is_ok_and(|at| !at.is_empty()));
        if showing.may_act && online && ui.button("End its sessions …").clicked() {
            let action = AdminCommand::EndUser { user: user.clone() };
            wishes.push(Wish::Ask(Dialog::confirm(action, showing)));
        }
        if ui
            .button("Copy")
            .on_hover_text("Copy the key as it is, whatever it is shown as")
            .clicked()
        {
            ui.copy_text(user.as_str().to_owned());
        }
    });
    match places {
        None => drop(label(ui, "is looked up …")),
        Some(Err(error)) => drop(ui.label(RichText::new(error.to_string()).color(tokens(ui).bad))),
        Some(Ok(places)) if places.is_empty() => {
            drop(label(ui, "is offline: no node has a session of it"))
        }
        Some(Ok(places)) => places.iter().for_each(|place| one_place(ui, place, showing, wishes)),
    }
}

fn one_place(ui: &mut Ui, place: &UserLocation, showing: &Showing<'_>, wishes: &mut Wishes) {
    ui.horizontal(|ui| {
        if ui.link(place.node.as_str()).clicked() {
            wishes.push(Wish::Select(Some(place.node.clone())));
        }
        let node = showing.picture.node(&place.node).map(|(node, _)| node);
        let (mark, word) = standing(ui, node, place);
        marked(ui, mark, word);
        if let Some(since_ms) = place.since_ms {
            label(ui, format!("for {}", since(since_ms, showing.picture.snapshot.at_ms)));
        }
    });
}

/// Whether a place is one where the user can be reached.
fn standing(
    ui: &Ui,
    node: Option<&NodeStatus>,
    place: &UserLocation,
) -> (StatusSymbol, &'static str) {
    use trunkline_protocol::control::MemberState as S;
    let tokens = tokens(ui);
    match node {
        None => (tokens.state(S::Dead), "a node that the relay does not know: a ghost"),
        Some(node) if node.incarnation != place.incarnation => {
            (tokens.state(S::Dead), "an earlier life of the node: a ghost")
        }
        Some(node) => (tokens.state(node.state), state_word(node.state)),
    }
}

fn many(ui: &mut Ui, search: &UserSearch, wishes: &mut Wishes) {
    ui.horizontal_wrapped(|ui| {
        let found = plural(search.users.len() as u64, "user");
        let start = escape::text(&search.prefix);
        if search.running {
            label(ui, format!("{found} so far that begin with “{start}” …"));
            if ui.button("Stop").clicked() {
                wishes.push(Wish::StopSearch);
            }
        } else {
            label(ui, format!("{found} that begin with “{start}”"));
        }
    });
    if let Some(error) = &search.error {
        ui.label(RichText::new(error.to_string()).color(tokens(ui).bad));
    }
    let rows = search.users.len();
    let height = ui.text_style_height(&TextStyle::Body);
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, height, rows, |ui, rows| {
        for user in &search.users[rows] {
            if user_link(ui, user, "Press to see where it is").clicked() {
                wishes.push(Wish::FindUser(user.clone()));
            }
        }
    });
}
