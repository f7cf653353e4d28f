//! A delivery test: the outcome of a test message, and its trace hop by hop.

use eframe::egui::{Align, Layout, RichText, Ui};
use egui_extras::{Column, TableBuilder};
use trunkline_protocol::{
    lane::ReceiptStatus,
    status::{Hop, Trace, TraceEvent},
};

use super::{
    UiCommand, ViewContext,
    widgets::{bar, colored_number, label, number_head, ratio, symbol_with_word},
};
use crate::{
    escape, escaped_text,
    format::{bytes, micros, plural},
    state::{DeliveryTest, Severity, outcome_reason, outcome_severity},
    theme::{BAR, space, text, tokens},
};

/// Draws the delivery test.
pub(super) fn show(ui: &mut Ui, test: &DeliveryTest, ctx: &ViewContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        let title = format!("Delivery test to {}", escape::text(test.user.as_str()));
        escaped_text::label(ui, &title, text::title(), tokens(ui).text);
        if ui.button("Close").on_hover_text("Return to the users by node.").clicked() {
            ctx.send(UiCommand::CloseTest);
        }
    });
    ui.add_space(space::XS);
    match &test.trace {
        None => drop(label(ui, "waiting for the outcome …")),
        Some(Err(error)) => drop(escaped_text::label(ui, error, text::body(), tokens(ui).bad)),
        Some(Ok(trace)) => result(ui, test, trace),
    }
}

fn result(ui: &mut Ui, test: &DeliveryTest, trace: &Trace) {
    ui.horizontal(|ui| {
        let symbol = tokens(ui).severity(outcome_severity(trace.outcome));
        ui.label(RichText::new(symbol.shape).font(text::headline()).color(symbol.color));
        let outcome = RichText::new(trace.outcome.as_str()).font(text::headline());
        ui.label(outcome.color(symbol.color));
        ui.label(RichText::new(format!("after {}", micros(trace.took_us))).font(text::number()));
    });
    escaped_text::label(ui, &outcome_reason(&test.user, trace), text::body(), tokens(ui).text);
    if trace.missed > 0 {
        let missed = plural(trace.missed.into(), "session or node");
        let words = format!("{missed} of the user missed it");
        ui.label(RichText::new(words).color(tokens(ui).warning));
    }
    label(ui, format!("message {}, accepted by {}", trace.message, trace.from));
    ui.add_space(space::M);
    table(ui, trace);
    ui.add_space(space::S);
    label(
        ui,
        "Each process measures its own hops. The rest of a round trip between two processes is \
         split evenly between both directions, so that no two clocks are compared.",
    );
}

fn table(ui: &mut Ui, trace: &Trace) {
    let took: Vec<_> = took(&trace.hops).collect();
    let longest = took.iter().copied().max().unwrap_or(0);
    TableBuilder::new(ui)
        .id_salt("trace")
        .cell_layout(Layout::left_to_right(Align::Center))
        .vscroll(false)
        .columns(Column::exact(80.0), 2)
        .column(Column::exact(BAR.x + space::L))
        .column(Column::exact(130.0))
        .column(Column::remainder().clip(true))
        .header(space::ROW, |mut header| {
            header.col(|ui| number_head(ui, "after"));
            header.col(|ui| number_head(ui, "took"));
            header.col(|_| ());
            header.col(|ui| drop(label(ui, "process")));
            header.col(|ui| drop(label(ui, "hop")));
        })
        .body(|body| {
            body.rows(space::ROW, trace.hops.len(), |mut row| {
                let row_index = row.index();
                let (hop, took) = (&trace.hops[row_index], took[row_index]);
                row.col(|ui| colored_number(ui, micros(hop.after_us), tokens(ui).muted));
                row.col(|ui| {
                    let is_slowest = took == longest && longest > 0;
                    let color = if is_slowest { tokens(ui).accent } else { tokens(ui).text };
                    let before = row_index.checked_sub(1).map(|before| &trace.hops[before].at);
                    // Between two processes, a round trip was split evenly.
                    let is_split = before.is_some_and(|before| *before != hop.at);
                    let about = if is_split { "≈ " } else { "" };
                    colored_number(ui, format!("{about}{}", micros(took)), color);
                });
                row.col(|ui| {
                    ui.add_space(space::M);
                    let share = ratio(took, trace.took_us.max(1));
                    let name = format!("{}: share of the whole time", hop.at);
                    bar(ui, &name, BAR, share, tokens(ui).series[0]);
                });
                row.col(|ui| drop(ui.label(RichText::new(hop.at.as_str()).font(text::strong()))));
                row.col(|ui| event(ui, &hop.what));
            });
        });
}

/// The time of each hop since the one before.
fn took(hops: &[Hop]) -> impl Iterator<Item = u64> {
    let before = std::iter::once(0).chain(hops.iter().map(|hop| hop.after_us));
    hops.iter().zip(before).map(|(hop, before)| hop.after_us.saturating_sub(before))
}

fn event(ui: &mut Ui, event: &TraceEvent) {
    let words = event_words(event);
    let severity = match event {
        TraceEvent::Answered { status: ReceiptStatus::Taken, .. } => Severity::Good,
        TraceEvent::NotAnswered
        | TraceEvent::LaneFull { .. }
        | TraceEvent::NoLink { .. }
        | TraceEvent::Rejected { .. }
        | TraceEvent::Answered { .. } => Severity::Warning,
        _ => return drop(ui.label(&words).on_hover_text(&words)),
    };
    symbol_with_word(ui, tokens(ui).severity(severity), &words).on_hover_text(&words);
}

fn event_words(event: &TraceEvent) -> String {
    match event {
        TraceEvent::Accepted => "accepted the message and took custody".into(),
        TraceEvent::Asked => "asked the directory for the user's nodes".into(),
        TraceEvent::Found { nodes } if nodes.is_empty() => "the directory lists no session".into(),
        TraceEvent::Found { nodes } => {
            let names: Vec<_> = nodes.iter().map(|node| node.as_str()).collect();
            format!("the directory lists {}", names.join(", "))
        }
        TraceEvent::NotAnswered => "no answer from the directory that can be trusted yet".into(),
        TraceEvent::Arrived { sessions: 0 } => "arrived, but the user has no session here".into(),
        TraceEvent::Arrived { sessions } => {
            format!("arrived for {} of the user", plural((*sessions).into(), "session"))
        }
        TraceEvent::Batched { to, lane } => format!("sent it to {to} on lane {}", lane + 1),
        TraceEvent::LaneFull { to } => format!("not sent to {to}: the lane to the relay is full"),
        TraceEvent::NoLink { to } => format!("not sent to {to}: no link to the relay"),
        TraceEvent::Passed { to, behind_bytes: 0 } => format!("forwarded it to {to}"),
        TraceEvent::Passed { to, behind_bytes } => {
            format!("forwarded it to {to}, behind {}", bytes(*behind_bytes))
        }
        TraceEvent::Rejected { to, full: true } => format!("rejected: the lane to {to} is full"),
        TraceEvent::Rejected { to, full: false } => format!("rejected: no link to {to}"),
        TraceEvent::Answered { status, missed } => status_words(*status, *missed),
        TraceEvent::ReceiptPassed { from } => format!("forwarded the receipt of {from}"),
        TraceEvent::CameBack { from } => format!("the receipt of {from} arrived"),
    }
}

fn status_words(status: ReceiptStatus, missed: u16) -> String {
    let words = match status {
        ReceiptStatus::Taken => "a socket of the user took every byte",
        ReceiptStatus::Full => "the queue of every session is full",
        ReceiptStatus::NotHere => "the user has no session here",
        ReceiptStatus::Maybe => "a socket took a part and was closed: it may have arrived",
    };
    match missed {
        0 => words.into(),
        missed => format!("{words}; {} missed it", plural(missed.into(), "session")),
    }
}
