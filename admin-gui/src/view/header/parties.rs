use std::time::Duration;

use eframe::egui::{Response, Ui};
use trunkline_protocol::{control::MemberState, status::RedisState};

use crate::{
    defaults::FRESH,
    format::{since, span},
    state::{ClusterStatus, ConnectionState, Severity},
    theme::{StatusSymbol, space, state_word, text, tokens},
    view::{
        Showing,
        parts::pieces,
        waiting::{count_down, seconds_until},
    },
};

/// Draws a word for each of those that the cluster is made of, from right to left.
pub(super) fn show(ui: &mut Ui, showing: &Showing<'_>) {
    ui.spacing_mut().item_spacing.x = space::L;
    let age = stale_age(ui, showing);
    let nodes = aged(nodes(ui, showing.picture), age);
    party(ui, "Nodes", nodes).on_hover_text("How many nodes are in which state.");
    let redis = aged(redis(ui, showing.picture), age);
    party(ui, "Redis", redis)
        .on_hover_text("Whether Redis, which holds the directory of users, answers the relay.");
    let relay = &showing.picture.snapshot.relay.name;
    let explained = format!("Whether the status stream of {relay} at {} is read.", showing.relay);
    let reach = reach(ui, showing, age);
    party(ui, "Relay", reach).on_hover_text(explained);
}

fn party(ui: &mut Ui, name: &str, (mark, words): (StatusSymbol, String)) -> Response {
    let name = (name, tokens(ui).muted);
    ui.label(pieces(text::body(), &[name, (mark.shape, mark.color), (&words, mark.color)]))
}

/// How old the latest picture is, if that is worth saying.
fn stale_age(ui: &Ui, showing: &Showing<'_>) -> Option<Duration> {
    let age = showing.state.age(showing.now).filter(|_| showing.recording.is_none())?;
    let next = if age > FRESH { Duration::from_secs(1) } else { FRESH - age };
    ui.ctx().request_repaint_after(next + Duration::from_millis(1));
    (age > FRESH).then_some(age)
}

fn aged((mark, words): (StatusSymbol, String), age: Option<Duration>) -> (StatusSymbol, String) {
    match age {
        Some(age) => (mark, format!("{words}, {} ago", span(age))),
        None => (mark, words),
    }
}

fn reach(ui: &Ui, showing: &Showing<'_>, age: Option<Duration>) -> (StatusSymbol, String) {
    let tokens = tokens(ui);
    if showing.recording.is_some() {
        return (tokens.severity(Severity::Note), "a recording".into());
    }
    let gone = age.map_or("gone".into(), |age| format!("gone for {}", span(age)));
    match (&showing.state.connection, age) {
        (ConnectionState::Connected, None) => (tokens.severity(Severity::Good), "up".into()),
        (ConnectionState::Connected, Some(age)) => {
            (tokens.severity(Severity::Warning), format!("silent for {}", span(age)))
        }
        (ConnectionState::Dialling, _) => {
            (tokens.severity(Severity::Bad), format!("{gone}, dialling"))
        }
        (ConnectionState::Lost { retry_at, .. }, _) => {
            count_down(ui, *retry_at, showing.now);
            let left = seconds_until(*retry_at, showing.now);
            (tokens.severity(Severity::Bad), format!("{gone}, retrying in {left} s"))
        }
    }
}

fn redis(ui: &Ui, picture: &ClusterStatus) -> (StatusSymbol, String) {
    let tokens = tokens(ui);
    match picture.snapshot.relay.redis {
        RedisState::Up => (tokens.severity(Severity::Good), "up".into()),
        RedisState::Away { since_ms } => {
            let time = since(since_ms, picture.snapshot.at_ms);
            (tokens.severity(Severity::Bad), format!("away for {time}"))
        }
    }
}

fn nodes(ui: &Ui, picture: &ClusterStatus) -> (StatusSymbol, String) {
    const STATES: [MemberState; 6] = [
        MemberState::Dead,
        MemberState::Suspect,
        MemberState::Joining,
        MemberState::Draining,
        MemberState::Live,
        MemberState::Left,
    ];
    let counted = STATES.map(|state| (state, picture.count(state)));
    let there: Vec<_> = counted.into_iter().filter(|&(_, number)| number > 0).collect();
    let worst = there.first().map_or(MemberState::Left, |&(state, _)| state);
    let words =
        there.iter().rev().map(|&(state, number)| format!("{number} {}", state_word(state)));
    let words = words.collect::<Vec<_>>().join(", ");
    (tokens(ui).state(worst), if words.is_empty() { "none".into() } else { words })
}
