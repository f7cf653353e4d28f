//! One node, closely.

use eframe::egui::{Button, Grid, Label, RichText, ScrollArea, Ui, containers::Sides, vec2};
use trunkline_protocol::{
    Name,
    control::MemberState,
    lane::RECEIPT_LANE,
    status::{AdminCommand, LinkStatus, NodeStatus},
};

use super::{
    Showing, Wish, Wishes,
    charts::{self, ChartsView},
    dialogs::Dialog,
    events,
    parts::{bar, fullness, label, marked, share},
};
use crate::{
    escape, escaped_text,
    format::{bytes, count, micros, millis, percent, plural, since},
    state::{Rates, check_node, is_present, still_online},
    theme::{space, state_word, text, tokens},
};

/// How many of the node's latest events are listed.
const EVENTS: usize = 6;

/// The height of a fact.
const FACT: f32 = 18.0;

/// Draws the details of the node that is selected.
pub(crate) fn show(
    ui: &mut Ui,
    name: &Name,
    charts: &mut ChartsView,
    showing: &Showing<'_>,
    wishes: &mut Wishes,
) {
    head(ui, name, showing, wishes);
    ui.add_space(space::S);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let Some((node, rates)) = showing.picture.node(name) else {
            label(ui, "It was not known at this moment.");
            return;
        };
        if let Some(finding) = check_node(node, rates) {
            let color = tokens(ui).severity(finding.severity).color;
            ui.label(RichText::new(finding.text).color(color));
        }
        actions(ui, node, showing, wishes);
        part(ui, if is_present(node.state) { "Now" } else { "What it said last" });
        facts(ui, node, rates, showing.picture.snapshot.at_ms);
        if let Some(link) = &node.link {
            part(ui, "Lanes towards it");
            lanes(ui, link);
        }
        part(ui, "Over time");
        charts::node(ui, charts, name, showing, wishes);
        part(ui, "Latest events");
        events::of_node(ui, name, EVENTS, showing);
    });
}

fn head(ui: &mut Ui, name: &Name, showing: &Showing<'_>, wishes: &mut Wishes) {
    Sides::new().show(
        ui,
        |ui| {
            ui.label(RichText::new(name.as_str()).font(text::number()));
            if let Some((node, _)) = showing.picture.node(name) {
                marked(ui, tokens(ui).state(node.state), state_word(node.state));
            }
        },
        |ui| {
            let close = ui.button("Close").on_hover_text("Hide the details. Press Escape.");
            if close.clicked() {
                wishes.push(Wish::Select(None));
            }
        },
    );
}

fn part(ui: &mut Ui, title: &str) {
    ui.add_space(space::L);
    ui.label(RichText::new(title).font(text::title()));
    ui.add_space(space::XS);
}

fn actions(ui: &mut Ui, node: &NodeStatus, showing: &Showing<'_>, wishes: &mut Wishes) {
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        let life = (node.name.clone(), node.incarnation);
        if ui.button("Show its users").clicked() {
            wishes.push(Wish::List(life));
        }
        let drains = matches!(node.state, MemberState::Live | MemberState::Suspect);
        if showing.may_act && drains {
            let drain = Button::new("Drain …");
            let explained = "Tell it to take no new sessions, send its users elsewhere, and leave.";
            if ui.add(drain).on_hover_text(explained).clicked() {
                let action = AdminCommand::Drain { node: node.name.clone() };
                wishes.push(Wish::Ask(Dialog::confirm(action, showing)));
            }
        }
    });
}

fn facts(ui: &mut Ui, node: &NodeStatus, rates: &Rates, at_ms: u64) {
    let load = &node.load;
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let mut facts = vec![
        ("sessions", format!("{} of {}", count(load.sessions.into()), count(node.capacity.into()))),
        ("seats taken", count(load.slots.into())),
        ("users", count(load.users.into())),
        ("pending sends", format!("{}, {}", count(load.pending.into()), bytes(load.pending_bytes))),
        (
            "queued",
            format!(
                "{} in lanes, {} to sessions",
                bytes(load.lane_bytes),
                bytes(load.session_bytes)
            ),
        ),
        ("refused, full queue", count(load.refused_full)),
        ("refused, no seat", count(load.refused_slots)),
        ("ended, slow reader", count(load.ended_slow)),
        ("outcomes untold", count(load.unreported)),
        ("ghosts removed", count(load.stale_entries)),
        ("reaches Redis", yes_or_no(load.redis)),
        ("CPU, memory", format!("{}, {}", percent(rates.cpu()), bytes(load.memory_bytes))),
        ("clients connect to", escape::text(&node.url).into()),
    ];
    if let Some(link) = &node.link {
        facts.extend([
            ("linked from", escape::text(&link.address).into()),
            ("link up for", since(link.since_ms, at_ms)),
            ("round trip, loss", format!("{}, {}", micros(link.rtt_us), percent(rates.loss()))),
            ("congestion window", bytes(link.window_bytes)),
        ]);
    }
    if let Some(purge) = &node.purge {
        let done =
            purge.done_ms.map_or("under way".into(), |ms| format!("done after {}", millis(ms)));
        let entries = plural(purge.removed, "entry");
        let elsewhere = still_online(purge.kept);
        facts.push(("clean-up", format!("{entries} removed, {elsewhere}, {done}")));
    }
    facts.extend([
        ("last sign of life", format!("{} ago", millis(node.silent_ms))),
        ("running for", since(node.started_at_ms, at_ms)),
        ("incarnation", node.incarnation.to_string()),
        ("version", escape::text(&node.software).into()),
    ]);
    Grid::new("facts").num_columns(2).min_row_height(FACT).spacing(vec2(space::M, space::XS)).show(
        ui,
        |ui| {
            for (name, value) in facts {
                label(ui, name);
                let value = escaped_text::layout(ui, &value, text::body(), tokens(ui).text);
                ui.add(Label::new(value).selectable(true));
                ui.end_row();
            }
        },
    );
}

fn lanes(ui: &mut Ui, link: &LinkStatus) {
    Grid::new("lanes").num_columns(3).min_row_height(FACT).spacing(vec2(space::M, space::XS)).show(
        ui,
        |ui| {
            for (lane, &queued) in link.queued_bytes.iter().enumerate() {
                let (name, most) = if lane == RECEIPT_LANE {
                    ("receipts".into(), trunkline_link::defaults::RECEIPT_LANE_BYTES_MAX)
                } else {
                    (
                        format!("messages {}", lane + 1),
                        trunkline_link::defaults::MESSAGE_LANE_BYTES_MAX,
                    )
                };
                let full = share(queued, most as u64);
                label(ui, name);
                bar(ui, vec2(120.0, 4.0), full, fullness(ui, full));
                ui.label(bytes(queued));
                ui.end_row();
            }
        },
    );
}
