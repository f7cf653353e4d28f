use eframe::egui::{Id, Key, RichText, ScrollArea, TextStyle, Ui};
use trunkline_directory::UserLocation;
use trunkline_protocol::{User, control::MemberState, status::AdminCommand};

use crate::{
    defaults::FOUND_MAX,
    escape, escaped_text,
    format::{count, plural, since},
    state::{QueryCache, UserQuery, UserSearch, is_present},
    theme::{space, state_word, text, tokens},
    view::{
        UiCommand, ViewContext,
        dialogs::dialog::Dialog,
        keys,
        widgets::{copy_menu, label, symbol_with_word, title, user_link},
    },
};

/// Draws the search field and its results.
pub(super) fn show(ui: &mut Ui, words: &mut String, cache: &QueryCache, ctx: &ViewContext<'_>) {
    let title = title(ui, "Find a user");
    ui.add_space(space::XS);
    field(ui, title.id, words, ctx);
    ui.add_space(space::M);
    if let Some(query) = &cache.user {
        user(ui, query, ctx);
    }
    if let Some(search) = &cache.search {
        search_results(ui, search, ctx);
    }
}

fn field(ui: &mut Ui, title: Id, words: &mut String, ctx: &ViewContext<'_>) {
    let field = keys::search_field(words).hint_text("user key");
    let response = ui.add(field.desired_width(f32::INFINITY)).labelled_by(title);
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let user = words.parse::<User>();
    if let (Err(error), false) = (&user, words.is_empty()) {
        ui.label(RichText::new(error.to_string()).color(tokens(ui).warning));
    }
    ui.horizontal(|ui| {
        ui.add_enabled_ui(user.is_ok(), |ui| {
            let exact = "Look up the nodes that the user is connected to. Shortcut: Enter.";
            let exact = ui.button("Find exactly").on_hover_text(exact);
            let prefix = format!(
                "Scan the directory for users whose keys start with this text, until {} are found.",
                count(FOUND_MAX as u64)
            );
            let prefix = ui.button("Find by prefix").on_hover_text(prefix);
            let Ok(user) = user else { return };
            if exact.clicked() || entered {
                ctx.send(UiCommand::FindUser(user));
            } else if prefix.clicked() {
                ctx.send(UiCommand::Search(words.clone()));
            }
        });
    });
}

/// Draws one user, and the nodes that it is connected to.
fn user(ui: &mut Ui, query: &UserQuery, ctx: &ViewContext<'_>) {
    let UserQuery { user, locations, .. } = query;
    let name =
        escaped_text::label(ui, &escape::text(user.as_str()), text::strong(), tokens(ui).text);
    copy_menu(&name, user);
    let confirm = |action| ctx.send(UiCommand::OpenDialog(Dialog::confirm(action, ctx.status)));
    let is_online = matches!(locations, Some(Ok(locations)) if !locations.is_empty());
    ui.horizontal(|ui| {
        let test = "Send a test message to the user, and trace it hop by hop.";
        if ctx.may_act && ui.button("Delivery test …").on_hover_text(test).clicked() {
            confirm(AdminCommand::Test { user: user.clone(), node: None });
        }
        if ctx.may_act && is_online && ui.button("Disconnect …").clicked() {
            confirm(AdminCommand::EndUser { user: user.clone() });
        }
        let copy = "Copy the original key, without the escapes that are shown.";
        if ui.button("Copy").on_hover_text(copy).clicked() {
            ui.copy_text(user.as_str().to_owned());
        }
    });
    match locations {
        None => drop(label(ui, "loading …")),
        Some(Err(error)) => drop(ui.label(RichText::new(error.to_string()).color(tokens(ui).bad))),
        Some(Ok(locations)) if locations.is_empty() => {
            drop(label(ui, "offline: no node has a session of this user"));
        }
        Some(Ok(locations)) => locations.iter().for_each(|at| show_location(ui, at, ctx)),
    }
}

fn show_location(ui: &mut Ui, location: &UserLocation, ctx: &ViewContext<'_>) {
    let node = ctx.status.node(&location.node).map(|(node, _)| node);
    let (state, word) = match node {
        None => (MemberState::Dead, "stale entry: the relay does not know this node"),
        Some(node) if node.incarnation != location.incarnation => {
            (MemberState::Dead, "stale entry: an earlier incarnation of this node")
        }
        Some(node) => (node.state, state_word(node.state)),
    };
    ui.horizontal_wrapped(|ui| {
        if ui.link(location.node.as_str()).clicked() {
            ctx.send(UiCommand::Select(Some(location.node.clone())));
        }
        symbol_with_word(ui, tokens(ui).state(state), word);
        // What a node that is gone has left in the directory is no session.
        if let Some(since_ms) = location.since_ms.filter(|_| is_present(state)) {
            label(ui, format!("for {}", since(since_ms, ctx.status.snapshot.at_ms)));
        }
    });
}

/// Draws the users that a search by prefix has found.
fn search_results(ui: &mut Ui, search: &UserSearch, ctx: &ViewContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        let found = plural(search.users.len() as u64, "user");
        let so_far = if search.running { " so far …" } else { "" };
        label(ui, format!("{found} with prefix “{}”{so_far}", escape::text(&search.prefix)));
        if search.running && ui.button("Stop").clicked() {
            ctx.send(UiCommand::StopSearch);
        }
    });
    if let Some(error) = &search.error {
        ui.label(RichText::new(error.to_string()).color(tokens(ui).bad));
    }
    let height = ui.text_style_height(&TextStyle::Body);
    let rows = ScrollArea::vertical().auto_shrink(false);
    rows.show_rows(ui, height, search.users.len(), |ui, rows| {
        for user in &search.users[rows] {
            if user_link(ui, user, "Click to look up its nodes.").clicked() {
                ctx.send(UiCommand::FindUser(user.clone()));
            }
        }
    });
}
