use eframe::egui::{Button, Label, RichText, Ui};

use crate::{
    format::{count, percent, since},
    state::{IncidentStatus, SendTotals, affected},
    theme::{space, text, tokens},
    view::{UiCommand, ViewContext, tabs::tab::Tab},
};

/// Draws the incident that lasts, and how many sends were not delivered lately. The line is there at
/// all times, so that nothing below it moves when an incident begins.
pub(super) fn show(ui: &mut Ui, ctx: &ViewContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        // One that could wrap would stand lower than what follows.
        let head = RichText::new("not delivered").font(text::label()).color(tokens(ui).muted);
        ui.add(Label::new(head).extend());
        let sends = &ctx.status.sends;
        let is_clicked = [
            total(ui, "last 15 min", &sends.quarter),
            total(ui, "last hour", &sends.hour),
            ctx.status.incident.as_ref().is_some_and(|incident| ongoing(ui, incident, ctx)),
        ];
        if is_clicked.contains(&true) {
            ctx.send(UiCommand::OpenTab(Tab::Outcomes));
        }
    });
}

/// Draws how many sends were not delivered in a time; returns whether it was clicked.
fn total(ui: &mut Ui, time: &str, totals: &SendTotals) -> bool {
    let sends = totals.all();
    let (lost, ended) = (sends.not_delivered(), sends.ended());
    let share = if ended == 0 { 0.0 } else { lost as f64 / ended as f64 };
    let words = format!("{time}: {} ({})", count(lost), percent(share));
    let color = if sends.failed() > 0 { tokens(ui).text } else { tokens(ui).muted };
    let explained = format!(
        "Of {} sends that ended, as far as this window has seen: {}. Click to show them by outcome \
         and node.",
        count(ended),
        affected(&sends)
    );
    let button = Button::new(RichText::new(words).font(text::label()).color(color)).frame(false);
    ui.add(button).on_hover_text(explained).clicked()
}

/// Draws an incident, unless it is over; returns whether it was clicked.
fn ongoing(ui: &mut Ui, incident: &IncidentStatus, ctx: &ViewContext<'_>) -> bool {
    if incident.until_ms.is_some() {
        return false;
    }
    let words = format!(
        "incident since {} ({}): {}",
        ctx.clock.millis(incident.from_ms),
        since(incident.from_ms, ctx.status.snapshot.at_ms),
        affected(&incident.sends)
    );
    let words = RichText::new(words).font(text::label()).color(tokens(ui).bad);
    ui.add(Button::new(words).frame(false)).clicked()
}
