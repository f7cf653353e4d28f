//! A test message's way to its outcome, step by step.

use eframe::egui::{Align, Layout, RichText, Ui};
use egui_extras::{Column, TableBuilder};
use trunkline_protocol::{
    lane::ReceiptStatus,
    status::{Hop, Trace, TraceEvent},
};

use super::{
    Wish, Wishes,
    parts::{bar, colored_figure, label, marked, right, share},
};
use crate::{
    escape, escaped_text,
    format::{bytes, micros, plural},
    state::{DeliveryTest, Severity, outcome_reason, outcome_severity},
    theme::{BAR, space, text, tokens},
};

/// Draws it, as far as it is known.
pub(super) fn show(ui: &mut Ui, trial: &DeliveryTest, wishes: &mut Wishes) {
    ui.horizontal_wrapped(|ui| {
        let title = format!("Test message to {}", escape::text(trial.user.as_str()));
        escaped_text::label(ui, &title, text::title(), tokens(ui).text);
        if ui.button("Close").on_hover_text("Back to the users by node").clicked() {
            wishes.push(Wish::Forget);
        }
    });
    ui.add_space(space::XS);
    match &trial.trace {
        None => drop(label(ui, "on its way: it has until its node's deadline …")),
        Some(Err(error)) => drop(escaped_text::label(ui, error, text::body(), tokens(ui).bad)),
        Some(Ok(walk)) => told(ui, trial, walk),
    }
}

fn told(ui: &mut Ui, trial: &DeliveryTest, walk: &Trace) {
    ui.horizontal(|ui| {
        let mark = tokens(ui).severity(outcome_severity(walk.outcome));
        ui.label(RichText::new(mark.shape).font(text::headline()).color(mark.color));
        let outcome = RichText::new(walk.outcome.as_str()).font(text::headline());
        ui.label(outcome.color(mark.color));
        ui.label(RichText::new(format!("after {}", micros(walk.took_us))).font(text::number()));
    });
    escaped_text::label(ui, &outcome_reason(&trial.user, walk), text::body(), tokens(ui).text);
    if walk.missed > 0 {
        let missed = plural(walk.missed.into(), "session or node");
        let words = format!("{missed} of the user did not get it");
        ui.label(RichText::new(words).color(tokens(ui).warning));
    }
    label(ui, format!("message {}, accepted by {}", walk.message, walk.from));
    ui.add_space(space::M);
    table(ui, walk);
    ui.add_space(space::S);
    label(
        ui,
        "Each process measures its own steps. TraceEvent is left of a way there and back is split \
         evenly between the two, so that no two clocks are compared.",
    );
}

fn table(ui: &mut Ui, walk: &Trace) {
    let took: Vec<_> = took(&walk.hops).collect();
    let longest = took.iter().copied().max().unwrap_or(0);
    TableBuilder::new(ui)
        .id_salt("walk")
        .cell_layout(Layout::left_to_right(Align::Center))
        .vscroll(false)
        .columns(Column::exact(80.0), 2)
        .column(Column::exact(BAR.x + space::L))
        .column(Column::exact(130.0))
        .column(Column::remainder().clip(true))
        .header(space::ROW, |mut header| {
            header.col(|ui| right(ui, |ui| drop(label(ui, "after"))));
            header.col(|ui| right(ui, |ui| drop(label(ui, "took"))));
            header.col(|_| ());
            header.col(|ui| drop(label(ui, "where")));
            header.col(|ui| drop(label(ui, "what")));
        })
        .body(|body| {
            body.rows(space::ROW, walk.hops.len(), |mut row| {
                let (step, took) = (&walk.hops[row.index()], took[row.index()]);
                row.col(|ui| {
                    colored_figure(ui, micros(step.after_us), tokens(ui).muted);
                });
                row.col(|ui| {
                    let slow = took == longest && longest > 0;
                    let color = if slow { tokens(ui).accent } else { tokens(ui).text };
                    colored_figure(ui, micros(took), color);
                });
                row.col(|ui| {
                    ui.add_space(space::M);
                    bar(ui, BAR, share(took, walk.took_us.max(1)), tokens(ui).accent);
                });
                row.col(|ui| drop(ui.label(RichText::new(step.at.as_str()).font(text::strong()))));
                row.col(|ui| sentence(ui, &step.what));
            });
        });
}

/// How long each step took since the one before.
fn took(steps: &[Hop]) -> impl Iterator<Item = u64> {
    let before = std::iter::once(0).chain(steps.iter().map(|step| step.after_us));
    steps.iter().zip(before).map(|(step, before)| step.after_us.saturating_sub(before))
}

fn sentence(ui: &mut Ui, what: &TraceEvent) {
    let words = in_words(what);
    let tokens = tokens(ui);
    match what {
        TraceEvent::Answered { status: ReceiptStatus::Taken, .. } => {
            drop(marked(ui, tokens.severity(Severity::Good), &words));
        }
        TraceEvent::NotAnswered
        | TraceEvent::LaneFull { .. }
        | TraceEvent::NoLink { .. }
        | TraceEvent::Rejected { .. }
        | TraceEvent::Answered { .. } => {
            drop(marked(ui, tokens.severity(Severity::Warning), &words));
        }
        _ => drop(ui.label(&words).on_hover_text(&words)),
    }
}

/// A step in an operator's words.
fn in_words(what: &TraceEvent) -> String {
    match what {
        TraceEvent::Accepted => "took it into custody".into(),
        TraceEvent::Asked => "asked the directory where the user is".into(),
        TraceEvent::Found { nodes } if nodes.is_empty() => "the directory knows no session".into(),
        TraceEvent::Found { nodes } => {
            let names: Vec<_> = nodes.iter().map(|node| node.as_str()).collect();
            format!("the directory answered: {}", names.join(", "))
        }
        TraceEvent::NotAnswered => "the directory did not answer, or not to be believed yet".into(),
        TraceEvent::Arrived { sessions: 0 } => {
            "it arrived, and the user has no session here".into()
        }
        TraceEvent::Arrived { sessions } => {
            format!("it came to {} of the user", plural((*sessions).into(), "session"))
        }
        TraceEvent::Batched { to, lane } => format!("sent it to {to}, on lane {}", lane + 1),
        TraceEvent::LaneFull { to } => format!("the lane to the relay was full, so not to {to}"),
        TraceEvent::NoLink { to } => format!("no link to the relay, so no way to {to}"),
        TraceEvent::Passed { to, behind_bytes: 0 } => format!("passed it on to {to}"),
        TraceEvent::Passed { to, behind_bytes } => {
            format!("passed it on to {to}, behind {}", bytes(*behind_bytes))
        }
        TraceEvent::Rejected { to, full: true } => {
            format!("sent it back: the lane to {to} was full")
        }
        TraceEvent::Rejected { to, full: false } => format!("sent it back: no link to {to}"),
        TraceEvent::Answered { status, missed } => answered(*status, *missed),
        TraceEvent::ReceiptPassed { from } => format!("passed the receipt of {from} back"),
        TraceEvent::CameBack { from } => format!("the answer of {from} came back"),
    }
}

fn answered(status: ReceiptStatus, missed: u16) -> String {
    let words = match status {
        ReceiptStatus::Taken => "a socket of the user took every byte",
        ReceiptStatus::Full => "the queue of every session was full",
        ReceiptStatus::NotHere => "answered that the user is not here",
        ReceiptStatus::Maybe => "a socket took a part and was closed: it may have arrived",
    };
    match missed {
        0 => words.into(),
        missed => format!("{words}; {} missed it", plural(missed.into(), "session")),
    }
}
