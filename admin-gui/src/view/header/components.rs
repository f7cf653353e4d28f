use std::time::Duration;

use eframe::egui::{Button, Ui};
use trunkline_protocol::{control::MemberState, status::RedisState};

use crate::{
    defaults::FRESH,
    format::{since, span},
    state::{ClusterStatus, ConnectionState, Severity},
    theme::{StatusSymbol, space, state_word, text, tokens},
    view::{UiCommand, ViewContext, connecting::count_down, widgets::colored_text},
};

/// Draws the state of the nodes, of Redis and of the relay, from right to left.
pub(super) fn show(ui: &mut Ui, ctx: &ViewContext<'_>) {
    ui.spacing_mut().item_spacing.x = space::L;
    let age = stale_age(ui, ctx);
    let unknown = StatusSymbol { shape: "○", color: tokens(ui).muted };
    let known = |(symbol, words): (StatusSymbol, String)| match age {
        Some(_) => (unknown, format!("was {words}")),
        None => (symbol, words),
    };
    let stream = format!(
        "Whether this window receives the status stream of {} at {}.",
        ctx.status.snapshot.relay.name, ctx.relay
    );
    let redis_explained = "Whether Redis, which holds the user directory, answers the relay.";
    for (name, (symbol, words), explained) in [
        ("Nodes", known(nodes(ui, ctx.status)), "Number of nodes in each state."),
        ("Redis", known(redis(ui, ctx.status)), redis_explained),
        ("Relay", relay(ui, ctx, age), &*stream),
    ] {
        let name = (name, tokens(ui).muted);
        let pieces = [name, (symbol.shape, symbol.color), (&words, symbol.color)];
        let words = colored_text(text::body(), &pieces);
        if name.0 != "Relay" {
            ui.label(words).on_hover_text(explained);
            continue;
        }
        let button = ui.add(Button::new(words).frame(false));
        if button.on_hover_text(format!("{explained} Click for its details.")).clicked() {
            ctx.send(UiCommand::SelectRelay);
        }
    }
}

/// The age of the latest snapshot, if it is late.
fn stale_age(ui: &Ui, ctx: &ViewContext<'_>) -> Option<Duration> {
    let age = ctx.state.age(ctx.now).filter(|_| ctx.recording.is_none())?;
    let next = if age > FRESH { Duration::from_secs(1) } else { FRESH - age };
    ui.ctx().request_repaint_after(next + Duration::from_millis(1));
    ctx.stale_age()
}

fn relay(ui: &Ui, ctx: &ViewContext<'_>, age: Option<Duration>) -> (StatusSymbol, String) {
    let lost = || age.map_or("lost".into(), |age| format!("lost for {}", span(age)));
    let (severity, words) = match (&ctx.state.connection, age) {
        _ if ctx.recording.is_some() => (Severity::Note, "recording".into()),
        (ConnectionState::Connected, None) => (Severity::Good, "up".into()),
        (ConnectionState::Connected, Some(age)) => {
            (Severity::Warning, format!("silent for {}", span(age)))
        }
        (ConnectionState::Dialling, _) => (Severity::Bad, format!("{}, connecting", lost())),
        (ConnectionState::Lost { retry_at, .. }, _) => {
            let left = count_down(ui, *retry_at, ctx.now);
            (Severity::Bad, format!("{}, retrying in {left} s", lost()))
        }
    };
    (tokens(ui).severity(severity), words)
}

fn redis(ui: &Ui, status: &ClusterStatus) -> (StatusSymbol, String) {
    let (severity, words) = match status.snapshot.relay.redis {
        RedisState::Up => (Severity::Good, "up".into()),
        RedisState::Away { since_ms } => {
            (Severity::Bad, format!("away for {}", since(since_ms, status.snapshot.at_ms)))
        }
    };
    (tokens(ui).severity(severity), words)
}

fn nodes(ui: &Ui, status: &ClusterStatus) -> (StatusSymbol, String) {
    // The worst state first: it gives the symbol.
    const STATES: [MemberState; 6] = [
        MemberState::Dead,
        MemberState::Suspect,
        MemberState::Joining,
        MemberState::Draining,
        MemberState::Live,
        MemberState::Left,
    ];
    let counts = STATES.map(|state| (state, status.count(state)));
    let counts: Vec<_> = counts.into_iter().filter(|&(_, count)| count > 0).collect();
    let Some(&(worst, _)) = counts.first() else {
        return (tokens(ui).state(MemberState::Left), "none".into());
    };
    let words = counts.iter().rev().map(|&(state, count)| format!("{count} {}", state_word(state)));
    (tokens(ui).state(worst), words.collect::<Vec<_>>().join(", "))
}
