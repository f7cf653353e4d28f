use eframe::egui::{Align, Label, Layout, RichText, ScrollArea, Sense, Ui};
use egui_extras::{Column, TableBuilder};
use trunkline_protocol::{User, status::NodeStatus};

use crate::{
    escape, escaped_text,
    format::{UNKNOWN, count, plural, since},
    queries::{DirectoryQuery, NodeIncarnation},
    state::QueryCache,
    theme::{Tokens, space, text, tokens},
    view::{
        Showing, Wish, Wishes,
        parts::{colored_figure, figure, hint, label, offer_copy, right, way},
    },
};

/// The width that the words about the drift need at least.
const DRIFT: f32 = 150.0;

/// Draws the users of the node that was chosen, or of how many users each node has. Returns what
/// the directory must be asked for that.
pub(super) fn show(
    ui: &mut Ui,
    known: &mut QueryCache,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) -> Vec<DirectoryQuery> {
    match known.listed().cloned() {
        Some(life) => users(ui, known, &life, showing, wishes),
        None => nodes(ui, known, showing, wishes),
    }
}

fn life_of(node: &NodeStatus) -> NodeIncarnation {
    (node.name.clone(), node.incarnation)
}

/// What the nodes say against what the directory says.
fn nodes(
    ui: &mut Ui,
    known: &mut QueryCache,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) -> Vec<DirectoryQuery> {
    let nodes: Vec<_> = showing.picture.present().collect();
    let lives = nodes.iter().map(|node| life_of(node));
    let questions = lives.filter_map(|life| known.recount(&life, showing.now)).collect();
    ui.label(RichText::new("Users by node").font(text::title()));
    label(
        ui,
        "What each node says it has, and what the directory lists for it. Press a node to see its users.",
    );
    ui.add_space(space::S);
    ScrollArea::horizontal().id_salt("users by node across").show(ui, |ui| {
        table_of_nodes(ui, &nodes, known, wishes);
    });
    questions
}

fn table_of_nodes(ui: &mut Ui, nodes: &[&NodeStatus], known: &QueryCache, wishes: &mut Wishes) {
    TableBuilder::new(ui)
        .id_salt("users by node")
        .sense(Sense::CLICK)
        .cell_layout(Layout::left_to_right(Align::Center))
        .column(Column::exact(150.0))
        .columns(Column::exact(110.0), 2)
        .column(Column::exact(space::M))
        .column(Column::remainder().at_least(DRIFT).clip(true))
        .header(space::ROW, |mut header| {
            header.col(|ui| drop(label(ui, "node")));
            header.col(|ui| right(ui, |ui| drop(label(ui, "the node says"))));
            header.col(|ui| right(ui, |ui| drop(label(ui, "the directory has"))));
            header.col(|_| ());
            header.col(|ui| drop(label(ui, "drift")));
        })
        .body(|body| {
            body.rows(space::ROW, nodes.len(), |mut row| {
                let (node, life) = (nodes[row.index()], life_of(nodes[row.index()]));
                let listed = known.count(&life).and_then(|count| count.as_ref().ok());
                let mut pressed = false;
                row.col(|ui| pressed = way(ui, node.name.as_str()).clicked());
                row.col(|ui| drop(figure(ui, count(node.load.users.into()))));
                row.col(|ui| {
                    drop(figure(ui, listed.map_or(UNKNOWN.into(), |&at| count(at as u64))))
                });
                row.col(|_| ());
                row.col(|ui| {
                    let (words, color) = drift(tokens(ui), node, known);
                    ui.label(RichText::new(words).color(color));
                });
                if pressed || row.response().clicked() {
                    wishes.push(Wish::List(life));
                }
            });
        });
}

/// How far a node and the directory are apart, in words.
fn drift(
    tokens: &Tokens,
    node: &NodeStatus,
    known: &QueryCache,
) -> (String, eframe::egui::Color32) {
    match known.count(&life_of(node)) {
        None => ("is asked …".into(), tokens.muted),
        Some(Err(error)) => (error.to_string(), tokens.bad),
        Some(Ok(listed)) => {
            let more = *listed as i64 - i64::from(node.load.users);
            match more {
                0 => ("none".into(), tokens.muted),
                1.. => (format!("{} too many listed", plural(more as u64, "user")), tokens.warning),
                _ => (
                    format!("{} not listed yet", plural(more.unsigned_abs(), "user")),
                    tokens.warning,
                ),
            }
        }
    }
}

fn user_cell(ui: &mut Ui, user: &User) {
    let shown = escape::text(user.as_str());
    let words = escaped_text::layout(ui, &shown, text::body(), tokens(ui).text);
    let cell = ui.add(Label::new(words).truncate());
    // What fits needs no second telling.
    if cell.intrinsic_size().is_some_and(|whole| whole.x > cell.rect.width()) {
        let whole = hint(ui, &shown);
        cell.on_hover_text(whole);
    }
}

fn users(
    ui: &mut Ui,
    known: &mut QueryCache,
    life: &NodeIncarnation,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) -> Vec<DirectoryQuery> {
    let mut questions: Vec<_> = known.recount(life, showing.now).into_iter().collect();
    let node = showing.picture.node(&life.0).map(|(node, _)| node);
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("Users of {}", life.0)).font(text::title()));
        let again = ui.button("Read again").on_hover_text("Read the list from the directory anew.");
        if again.clicked() {
            wishes.push(Wish::List(life.clone()));
        }
        if ui.button("All nodes").clicked() {
            wishes.push(Wish::Unlist);
        }
    });
    let total = match known.count(life) {
        Some(Ok(total)) => *total,
        _ => 0,
    };
    ui.horizontal(|ui| {
        label(ui, format!("{} in the directory", plural(total as u64, "user")));
        if let Some(node) = node.filter(|node| node.incarnation == life.1) {
            let (words, color) = drift(tokens(ui), node, known);
            ui.label(RichText::new(format!("drift: {words}")).font(text::label()).color(color));
        } else {
            label(ui, "of an earlier life of the node");
        }
    });
    if let Some(error) = known.list_error() {
        ui.label(RichText::new(error.to_string()).color(tokens(ui).bad));
    }
    ui.add_space(space::S);
    let now_ms = showing.state.history().latest_ms().unwrap_or(0);
    questions.extend(table_of_users(ui, known, total, now_ms, wishes));
    questions
}

fn table_of_users(
    ui: &mut Ui,
    known: &mut QueryCache,
    total: usize,
    now_ms: u64,
    wishes: &mut Wishes,
) -> Vec<DirectoryQuery> {
    let mut questions = Vec::new();
    TableBuilder::new(ui)
        .id_salt("users")
        .sense(Sense::CLICK)
        .cell_layout(Layout::left_to_right(Align::Center))
        .column(Column::exact(80.0))
        .column(Column::remainder().clip(true))
        .column(Column::exact(140.0))
        .header(space::ROW, |mut header| {
            header.col(|ui| right(ui, |ui| drop(label(ui, "#"))));
            header.col(|ui| drop(label(ui, "user, the longest online first")));
            header.col(|ui| right(ui, |ui| drop(label(ui, "online for"))));
        })
        .body(|body| {
            body.rows(space::ROW, total, |mut row| {
                let place = row.index();
                questions.extend(known.fetch_page(place));
                let user = known.listed_user(place);
                row.col(|ui| {
                    let color = tokens(ui).faint;
                    colored_figure(ui, count(place as u64 + 1), color);
                });
                row.col(|ui| match user {
                    Some((user, _)) => user_cell(ui, user),
                    None => drop(label(ui, "…")),
                });
                row.col(|ui| {
                    let time =
                        user.map_or(UNKNOWN.into(), |&(_, since_ms)| since(since_ms, now_ms));
                    figure(ui, time);
                });
                let Some((user, _)) = user else { return };
                offer_copy(&row.response(), user);
                if row.response().clicked() {
                    wishes.push(Wish::FindUser(user.clone()));
                }
            });
        });
    questions
}
