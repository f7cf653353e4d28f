use eframe::egui::{Label, RichText, Ui};
use egui_extras::Column;
use trunkline_protocol::User;

use super::by_node::drift;
use crate::{
    escape, escaped_text,
    format::{UNKNOWN, count, plural, since},
    queries::NodeIncarnation,
    state::QueryCache,
    theme::{space, text, tokens},
    view::{
        UiCommand, ViewContext,
        widgets::{self, colored_number, copy_menu, label, number, number_head, title, tooltip},
    },
};

/// Draws the users that the directory lists for one incarnation of a node.
pub(super) fn show(
    ui: &mut Ui,
    cache: &mut QueryCache,
    listed_node: &NodeIncarnation,
    ctx: &ViewContext<'_>,
) {
    cache.refresh_count(listed_node, ctx.now);
    ui.horizontal(|ui| {
        title(ui, format!("Users of {}", listed_node.0));
        let reload = ui.button("Reload").on_hover_text("Read the list from the directory again.");
        if reload.clicked() {
            ctx.send(UiCommand::ListUsers(listed_node.clone()));
        }
        if ui.button("All nodes").clicked() {
            ctx.send(UiCommand::UnlistUsers);
        }
    });
    let total =
        cache.count(listed_node).and_then(|total| total.as_ref().ok()).map_or(0, |&total| total);
    ui.horizontal(|ui| {
        label(ui, format!("{} in the directory", plural(total as u64, "user")));
        let node = ctx.status.node(&listed_node.0).map(|(node, _)| node);
        if let Some(node) = node.filter(|node| node.incarnation == listed_node.1) {
            let (words, color) = drift(tokens(ui), node, cache);
            ui.label(RichText::new(format!("drift: {words}")).font(text::label()).color(color));
        } else {
            label(ui, "of an earlier incarnation of the node");
        }
    });
    if let Some(error) = cache.list_error() {
        ui.label(RichText::new(error.to_string()).color(tokens(ui).bad));
    }
    ui.add_space(space::S);
    table(ui, cache, total, ctx);
}

fn table(ui: &mut Ui, cache: &mut QueryCache, total: usize, ctx: &ViewContext<'_>) {
    let now_ms = ctx.state.history().latest_ms().unwrap_or(0);
    widgets::table(ui, "users")
        .column(Column::exact(80.0))
        .column(Column::remainder().clip(true))
        .column(Column::exact(140.0))
        .header(space::ROW, |mut header| {
            header.col(|ui| number_head(ui, "#"));
            header.col(|ui| drop(label(ui, "user, longest online first")));
            header.col(|ui| number_head(ui, "online for"));
        })
        .body(|body| {
            body.rows(space::ROW, total, |mut row| {
                let index = row.index();
                cache.fetch_page(index);
                let user = cache.listed_user(index);
                row.col(|ui| colored_number(ui, count(index as u64 + 1), tokens(ui).faint));
                row.col(|ui| match user {
                    Some((user, _)) => user_cell(ui, user),
                    None => drop(label(ui, "…")),
                });
                row.col(|ui| {
                    let online = user.map(|&(_, since_ms)| since(since_ms, now_ms));
                    number(ui, online.unwrap_or(UNKNOWN.into()));
                });
                let Some((user, _)) = user else { return };
                copy_menu(&row.response(), user);
                if row.response().clicked() {
                    ctx.send(UiCommand::FindUser(user.clone()));
                }
            });
        });
}

fn user_cell(ui: &mut Ui, user: &User) {
    let shown = escape::text(user.as_str());
    let words = escaped_text::layout(ui, &shown, text::body(), tokens(ui).text);
    let cell = ui.add(Label::new(words).truncate());
    let is_truncated = cell.intrinsic_size().is_some_and(|whole| whole.x > cell.rect.width());
    if is_truncated {
        let whole = tooltip(ui, &shown);
        cell.on_hover_text(whole);
    }
}
