//! The details of the relay.

use eframe::egui::{RichText, ScrollArea, Ui, containers::Sides};
use trunkline_protocol::status::{ClusterEvent, EventKind, RedisState, RelayStatus};

use super::{
    UiCommand, ViewContext,
    charts::{self, ChartsView},
    events, facts,
    widgets::{symbol_with_word, title},
};
use crate::{
    escape,
    format::{bytes, count, percent, plural, rate, since},
    state::{Counter, Severity},
    theme::{space, text, tokens},
};

/// The number of events that are listed.
const EVENTS: usize = 6;

/// Draws the details of the relay.
pub(crate) fn show(ui: &mut Ui, charts: &mut ChartsView, ctx: &ViewContext<'_>) {
    let relay = &ctx.status.snapshot.relay;
    head(ui, relay, ctx);
    ui.add_space(space::S);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        section(ui, "Process");
        facts::show(ui, process(relay, ctx), tokens(ui).text);
        section(ui, "Forwarding");
        facts::show(ui, forwarding(relay, ctx), tokens(ui).text);
        section(ui, "Refused connections");
        facts::show(ui, refused_connections(ctx), tokens(ui).text);
        section(ui, "Over time");
        charts::relay(ui, charts, ctx);
        section(ui, "Latest events");
        events::of_relay(ui, EVENTS, ctx);
    });
}

fn head(ui: &mut Ui, relay: &RelayStatus, ctx: &ViewContext<'_>) {
    let name = |ui: &mut Ui| {
        ui.label(RichText::new(relay.name.as_str()).font(text::number()));
        let (severity, words) = match relay.redis {
            RedisState::Up => (Severity::Good, "Redis up"),
            RedisState::Away { .. } => (Severity::Bad, "Redis away"),
        };
        symbol_with_word(ui, tokens(ui).severity(severity), words);
    };
    Sides::new().show(ui, name, |ui| {
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

fn process(relay: &RelayStatus, ctx: &ViewContext<'_>) -> Vec<(&'static str, String)> {
    let at_ms = ctx.status.snapshot.at_ms;
    let mut facts = vec![
        ("version", escape::text(&relay.software).into()),
        ("uptime", since(relay.started_at_ms, at_ms)),
        ("status address", escape::text(ctx.relay).into()),
        ("CPU", format!("{} of a core", percent(ctx.status.total.relay_cpu()))),
        ("memory", bytes(relay.memory_bytes)),
    ];
    let redis = match relay.redis {
        RedisState::Up => "answers".into(),
        RedisState::Away { since_ms } => format!("away for {}", since(since_ms, at_ms)),
    };
    facts.push(("Redis", redis));
    facts.extend(
        relay.redis_trouble.iter().map(|error| ("Redis problem", escape::text(error).into())),
    );
    facts
}

fn forwarding(relay: &RelayStatus, ctx: &ViewContext<'_>) -> Vec<(&'static str, String)> {
    let (total, nodes) = (&ctx.status.total, &ctx.status.snapshot.nodes);
    let links = nodes.iter().filter(|node| node.link.is_some()).count();
    let counted =
        |number: u64, counter| format!("{}, {} / s now", count(number), rate(total[counter]));
    vec![
        ("links", format!("{links} of {}", plural(nodes.len() as u64, "node"))),
        ("messages", counted(relay.forwarded, Counter::Forwarded)),
        (
            "bytes",
            format!(
                "{}, {} / s now",
                bytes(relay.forwarded_bytes),
                bytes(total[Counter::ForwardedBytes] as u64)
            ),
        ),
        ("refused, lane full", counted(relay.refused_full, Counter::RelayFull)),
        ("refused, no link", counted(relay.refused_gone, Counter::RelayGone)),
        ("receipts dropped", counted(relay.dropped, Counter::RelayDropped)),
    ]
}

/// The relay does not count refused connections; its events tell of them.
fn refused_connections(ctx: &ViewContext<'_>) -> Vec<(&'static str, String)> {
    let shown_ms = ctx.status.snapshot.at_ms;
    let reason = |event: &ClusterEvent| match &event.kind {
        EventKind::Refused { reason } if event.at_ms <= shown_ms => {
            Some((event.at_ms, escape::text(reason).into_owned()))
        }
        _ => None,
    };
    let mut refused = ctx.state.events.iter().rev().filter_map(reason);
    let Some((at_ms, reason)) = refused.next() else {
        return vec![("in the events", "none".into())];
    };
    let number = count(refused.count() as u64 + 1);
    vec![
        ("in the events", number),
        ("the latest", format!("{}: {reason}", ctx.clock.millis(at_ms))),
    ]
}
