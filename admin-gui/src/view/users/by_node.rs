use std::cmp::Ordering;

use eframe::egui::{Color32, RichText, ScrollArea, Ui};
use egui_extras::Column;
use trunkline_protocol::status::NodeStatus;

use crate::{
    format::{UNKNOWN, count, plural},
    queries::NodeIncarnation,
    state::QueryCache,
    theme::{Tokens, space, tokens},
    view::{
        UiCommand, ViewContext, keys,
        widgets::{self, label, number, number_head, text_button, title},
    },
};

/// The least width of the column for the drift.
const DRIFT: f32 = 200.0;

/// Draws the number of users of each node: as the node reports it, and as the directory lists it.
pub(super) fn show(ui: &mut Ui, cache: &mut QueryCache, ctx: &ViewContext<'_>) {
    let nodes: Vec<_> = ctx.status.present().collect();
    for node in &nodes {
        cache.refresh_count(&incarnation_of(node), ctx.now);
    }
    title(ui, "Users by node");
    label(
        ui,
        "Users that each node reports, and users that the directory lists for it. Select a node to list its users.",
    );
    ui.add_space(space::S);
    ScrollArea::horizontal().id_salt("users by node across").show(ui, |ui| {
        table(ui, &nodes, cache, ctx);
        keys::scroll_to_focus(ui);
    });
}

fn incarnation_of(node: &NodeStatus) -> NodeIncarnation {
    (node.name.clone(), node.incarnation)
}

fn table(ui: &mut Ui, nodes: &[&NodeStatus], cache: &QueryCache, ctx: &ViewContext<'_>) {
    widgets::table(ui, "users by node")
        .column(Column::exact(150.0))
        .columns(Column::exact(110.0), 2)
        .column(Column::exact(space::M))
        .column(Column::remainder().at_least(DRIFT).clip(true))
        .header(space::ROW, |mut header| {
            header.col(|ui| drop(label(ui, "node")));
            header.col(|ui| number_head(ui, "node reports"));
            header.col(|ui| number_head(ui, "directory lists"));
            header.col(|_| ());
            header.col(|ui| drop(label(ui, "drift")));
        })
        .body(|body| {
            body.rows(space::ROW, nodes.len(), |mut row| {
                let (node, incarnation) = (nodes[row.index()], incarnation_of(nodes[row.index()]));
                let listed = cache.count(&incarnation).and_then(|count| count.as_ref().ok());
                let listed = listed.map_or(UNKNOWN.into(), |&listed| count(listed as u64));
                let mut clicked = false;
                row.col(|ui| clicked = text_button(ui, node.name.as_str()).clicked());
                row.col(|ui| number(ui, count(node.load.users.into())));
                row.col(|ui| number(ui, listed));
                row.col(|_| ());
                row.col(|ui| {
                    let (words, color) = drift(tokens(ui), node, cache);
                    ui.label(RichText::new(words).color(color));
                });
                if clicked || row.response().clicked() {
                    ctx.send(UiCommand::ListUsers(incarnation));
                }
            });
        });
}

/// The difference between a node and the directory, in words.
pub(super) fn drift(tokens: &Tokens, node: &NodeStatus, cache: &QueryCache) -> (String, Color32) {
    let listed = match cache.count(&incarnation_of(node)) {
        None => return ("loading …".into(), tokens.muted),
        Some(Err(error)) => return (error.to_string(), tokens.bad),
        Some(Ok(listed)) => *listed as u64,
    };
    let reported = u64::from(node.load.users);
    let users = plural(listed.abs_diff(reported), "user");
    match listed.cmp(&reported) {
        Ordering::Equal => ("none".into(), tokens.muted),
        Ordering::Greater => (format!("{users} only in the directory"), tokens.warning),
        Ordering::Less => (format!("{users} missing in the directory"), tokens.warning),
    }
}
