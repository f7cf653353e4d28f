//! The details of the selected node.

use eframe::egui::{Grid, RichText, ScrollArea, Ui, containers::Sides, vec2};
use trunkline_link::defaults::{MESSAGE_LANE_BYTES_MAX, RECEIPT_LANE_BYTES_MAX};
use trunkline_protocol::{
    Name,
    control::MemberState,
    lane::RECEIPT_LANE,
    status::{AdminCommand, LinkStatus, NodeStatus},
};

use super::{
    UiCommand, ViewContext,
    charts::{self, ChartsView},
    dialogs::dialog::Dialog,
    events, facts, keys, node_outcomes,
    widgets::{bar, fill_color, label, ratio, symbol_with_word, title},
};
use crate::{
    escape,
    format::{UNKNOWN, bytes, count, micros, millis, percent, plural, since},
    state::{Rates, check_node, is_present, still_online},
    theme::{space, state_word, text, tokens},
};

/// The number of events that are listed.
const EVENTS: usize = 6;

/// Draws the details of the selected node.
pub(crate) fn show(ui: &mut Ui, name: &Name, charts: &mut ChartsView, ctx: &ViewContext<'_>) {
    head(ui, name, ctx);
    ui.add_space(space::S);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let Some((node, rates)) = ctx.status.node(name) else {
            label(ui, "The relay did not know this node at the shown time.");
            return;
        };
        if let Some(finding) = check_node(node, rates) {
            let color = tokens(ui).severity(finding.severity).color;
            ui.label(RichText::new(finding.text).color(color));
        }
        actions(ui, node, ctx);
        let at_ms = ctx.status.snapshot.at_ms;
        let heading = match last_heard_ms(node, at_ms) {
            None => "Now".into(),
            Some(last_ms) => format!("Last report, {} ago", since(last_ms, at_ms)),
        };
        section(ui, &heading);
        all_facts(ui, node, rates, at_ms);
        section(ui, "Outcomes of its sends");
        node_outcomes::show(ui, &node.load.outcomes, rates);
        if let Some(link) = &node.link {
            section(ui, "Lanes to this node");
            lanes(ui, link);
        }
        section(ui, "Over time");
        charts::node(ui, charts, name, ctx);
        section(ui, "Latest events");
        events::of_node(ui, name, EVENTS, ctx);
        keys::scroll_to_focus(ui);
    });
}

fn head(ui: &mut Ui, name: &Name, ctx: &ViewContext<'_>) {
    let name_and_state = |ui: &mut Ui| {
        ui.label(RichText::new(name.as_str()).font(text::number()));
        if let Some((node, _)) = ctx.status.node(name) {
            symbol_with_word(ui, tokens(ui).state(node.state), state_word(node.state));
        }
    };
    Sides::new().show(ui, name_and_state, |ui| {
        if ui.button("Close").on_hover_text("Close the details. Shortcut: Escape.").clicked() {
            ctx.send(UiCommand::Select(None));
        }
    });
}

fn section(ui: &mut Ui, words: &str) {
    ui.add_space(space::L);
    title(ui, words);
    ui.add_space(space::XS);
}

fn actions(ui: &mut Ui, node: &NodeStatus, ctx: &ViewContext<'_>) {
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        if ui.button("Show users").clicked() {
            ctx.send(UiCommand::ListUsers((node.name.clone(), node.incarnation)));
        }
        let can_drain = matches!(node.state, MemberState::Live | MemberState::Suspect);
        let drain = "The node takes no new sessions, tells its users to reconnect elsewhere, and \
                     leaves the cluster.";
        if ctx.may_act && can_drain && ui.button("Drain …").on_hover_text(drain).clicked() {
            let action = AdminCommand::Drain { node: node.name.clone() };
            ctx.send(UiCommand::OpenDialog(Dialog::confirm(action, ctx.status)));
        }
    });
}

/// When a node that is not present any more was last heard of.
fn last_heard_ms(node: &NodeStatus, at_ms: u64) -> Option<u64> {
    (!is_present(node.state)).then(|| at_ms.saturating_sub(node.silent_ms))
}

fn all_facts(ui: &mut Ui, node: &NodeStatus, rates: &Rates, at_ms: u64) {
    let mut facts = load(node, rates);
    if let Some(link) = &node.link {
        facts.extend([
            ("link address", escape::text(&link.address).into()),
            ("link up for", since(link.since_ms, at_ms)),
            ("round trip, loss", format!("{}, {}", micros(link.rtt_us), percent(rates.loss()))),
            ("congestion window", bytes(link.window_bytes)),
        ]);
    }
    if let Some(purge) = &node.purge {
        let done = purge.done_ms.map_or("still running".into(), |ms| {
            format!("the last one {} after its last response", millis(ms))
        });
        let removed = plural(purge.removed, "directory entry");
        facts.push(("purge", format!("{removed} removed, {done}; {}", still_online(purge.kept))));
    }
    facts.extend([
        ("last response", format!("{} ago", millis(node.silent_ms))),
        match last_heard_ms(node, at_ms) {
            None => ("uptime", since(node.started_at_ms, at_ms)),
            Some(last_ms) => ("was up for", since(node.started_at_ms, last_ms)),
        },
        ("incarnation", node.incarnation.to_string()),
        ("version", escape::text(&node.software).into()),
    ]);
    // What was last known of a node that is gone is dimmed.
    let color = if is_present(node.state) { tokens(ui).text } else { tokens(ui).muted };
    facts::show(ui, facts, color);
}

fn load(node: &NodeStatus, rates: &Rates) -> Vec<(&'static str, String)> {
    let load = &node.load;
    let queued =
        format!("{} in lanes, {} to sessions", bytes(load.lane_bytes), bytes(load.session_bytes));
    let (sessions, capacity) = (count(load.sessions.into()), count(node.capacity.into()));
    let (sessions, cpu) = if is_present(node.state) {
        (format!("{sessions} of {capacity}"), percent(rates.cpu()))
    } else {
        (format!("{sessions} at its last report, of {capacity}"), UNKNOWN.into())
    };
    vec![
        ("sessions", sessions),
        ("slots in use", count(load.slots.into())),
        ("users", count(load.users.into())),
        ("pending", format!("{}, {}", count(load.pending.into()), bytes(load.pending_bytes))),
        ("queued", queued),
        ("refused, queue full", count(load.refused_full)),
        ("refused, no free slot", count(load.refused_slots)),
        ("closed, slow reader", count(load.ended_slow)),
        ("outcomes unreported", count(load.unreported)),
        ("stale entries removed", count(load.stale_entries)),
        ("reaches Redis", if load.redis { "yes" } else { "no" }.into()),
        ("CPU, memory", format!("{cpu}, {}", bytes(load.memory_bytes))),
        ("client URL", escape::text(&node.url).into()),
    ]
}

fn lanes(ui: &mut Ui, link: &LinkStatus) {
    grid("lanes", 3).show(ui, |ui| {
        for (lane, &queued) in link.queued_bytes.iter().enumerate() {
            let (name, most) = if lane == RECEIPT_LANE {
                ("receipts".into(), RECEIPT_LANE_BYTES_MAX)
            } else {
                (format!("messages {}", lane + 1), MESSAGE_LANE_BYTES_MAX)
            };
            let ratio = ratio(queued, most as u64);
            let full = format!("lane for {name}: share in use");
            label(ui, name);
            bar(ui, &full, vec2(120.0, 4.0), ratio, fill_color(ui, ratio));
            ui.label(bytes(queued));
            ui.end_row();
        }
    });
}

fn grid(name: &str, columns: usize) -> Grid {
    Grid::new(name).num_columns(columns).min_row_height(18.0).spacing(vec2(space::M, space::XS))
}
