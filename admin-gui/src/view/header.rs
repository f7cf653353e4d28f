//! The answer to "is it well?", and the figures that it is made of.

use std::time::{Duration, Instant};

use eframe::egui::{Align, Color32, Layout, Response, RichText, Ui, text::TextFormat};
use trunkline_protocol::{control::MemberState, status::RedisState};

use super::{
    Showing,
    parts::{bar, fullness, label, pieces, share},
    waiting::{count_down, seconds_until},
};
use crate::{
    defaults::FRESH,
    format::{UNKNOWN, count, micros, plural, rate, since, span},
    state::{Counter, Health, Picture, Reach, Severity, State},
    theme::{BAR, Mark, space, state_word, text, tokens},
};

/// Draws the header.
pub(crate) fn show(ui: &mut Ui, showing: &Showing<'_>) {
    let Showing { relay, state, picture, now, .. } = *showing;
    ui.horizontal(|ui| {
        verdict(ui, state, picture);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            parties(ui, relay, state, picture, now);
        });
    });
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XL;
        figures(ui, picture);
    });
}

fn verdict(ui: &mut Ui, state: &State, picture: &Picture) {
    let health = Health::of(picture);
    let (mark, word) = if matches!(state.reach, Reach::Lost { .. } | Reach::Dialling) {
        (tokens(ui).severity(Severity::Bad), "Relay lost")
    } else {
        (tokens(ui).severity(health.severity()), health.word())
    };
    ui.label(RichText::new(mark.shape).font(text::headline()).color(mark.color));
    ui.label(RichText::new(word).font(text::headline()).color(mark.color));
    ui.add_space(space::XS);
    let first = health.findings.first();
    let sentence = first.map_or_else(|| all_well(picture), |finding| finding.text.clone());
    let more = health.findings.len().saturating_sub(1);
    let told = ui.label(RichText::new(sentence).color(tokens(ui).text));
    if more > 0 {
        let list = health.findings.iter().map(|finding| format!("• {}", finding.text));
        let list = list.collect::<Vec<_>>().join("\n");
        label(ui, format!("and {more} more")).on_hover_text(list.clone());
        told.on_hover_text(list);
    }
}

fn all_well(picture: &Picture) -> String {
    let live = picture.count(MemberState::Live);
    format!("{} live, nothing is lost", plural(live as u64, "node"))
}

fn parties(ui: &mut Ui, relay: &str, state: &State, picture: &Picture, now: Instant) {
    ui.spacing_mut().item_spacing.x = space::L;
    party(ui, "Nodes", nodes(ui, picture), "How many nodes are in which state.");
    party(
        ui,
        "Redis",
        redis(ui, picture),
        "Whether Redis, which holds the directory of users, answers the relay.",
    );
    let name = state.greeting.as_ref().map_or(relay, |hello| hello.relay.as_str());
    let explained = format!(
        "The relay {name} at {relay}: whether its status stream is read, and how old the picture is."
    );
    let (mark, words) = reach(ui, state, now);
    party(ui, "Relay", (mark, words), &explained);
}

fn party(ui: &mut Ui, name: &str, (mark, words): (Mark, String), explained: &str) {
    let name = (name, tokens(ui).muted);
    let words = pieces(text::body(), &[name, (mark.shape, mark.color), (&words, mark.color)]);
    ui.label(words).on_hover_text(explained);
}

fn reach(ui: &Ui, state: &State, now: Instant) -> (Mark, String) {
    let tokens = tokens(ui);
    let age = state.age(now).unwrap_or(Duration::ZERO);
    match &state.reach {
        Reach::Reached if age <= FRESH => (tokens.severity(Severity::Good), "up".into()),
        Reach::Reached => {
            ui.ctx().request_repaint_after(Duration::from_secs(1));
            (tokens.severity(Severity::Warning), format!("silent for {}", span(age)))
        }
        Reach::Dialling => {
            (tokens.severity(Severity::Bad), format!("gone for {}, dialling", span(age)))
        }
        Reach::Lost { retry_at, .. } => {
            count_down(ui, *retry_at, now);
            let left = seconds_until(*retry_at, now);
            let words = format!("gone for {}, retrying in {left} s", span(age));
            (tokens.severity(Severity::Bad), words)
        }
    }
}

fn redis(ui: &Ui, picture: &Picture) -> (Mark, String) {
    let tokens = tokens(ui);
    match picture.snapshot.relay.redis {
        RedisState::Up => (tokens.severity(Severity::Good), "up".into()),
        RedisState::Away { since_ms } => {
            let time = since(since_ms, picture.snapshot.at_ms);
            (tokens.severity(Severity::Bad), format!("away for {time}"))
        }
    }
}

fn nodes(ui: &Ui, picture: &Picture) -> (Mark, String) {
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

fn figures(ui: &mut Ui, picture: &Picture) {
    let total = &picture.total;
    sessions(ui, picture);
    tile(
        ui,
        "accepted / s",
        rate(total[Counter::Accepted]),
        None,
        "Messages a second that nodes accepted from clients: from then on each gets exactly one outcome.",
    );
    let detail = format!(
        "{} local · {} remote",
        rate(total[Counter::DeliveredLocally]),
        rate(total[Counter::DeliveredFromLinks])
    );
    tile(
        ui,
        "delivered / s",
        rate(total.delivered()),
        Some(detail),
        "Messages a second taken by recipients' nodes, for sends accepted on the same node (local) or on another (remote).",
    );
    tile(
        ui,
        "forwarded / s",
        rate(total[Counter::Forwarded]),
        None,
        "Messages a second that the relay passed from one node to another.",
    );
    latency(ui, picture);
    outcomes(ui, picture);
    let ghosts = picture.present().map(|node| node.load.ghosts).sum();
    tile(
        ui,
        "ghosts",
        count(ghosts),
        None,
        "Directory entries of sessions that no longer exist, found and removed by the nodes that are there, since they started.",
    );
}

fn sessions(ui: &mut Ui, picture: &Picture) {
    let (sessions, capacity) = picture.seats();
    let share = share(sessions, capacity);
    ui.vertical(|ui| {
        label(ui, "sessions");
        let tokens = tokens(ui);
        let mut words = pieces(text::figure(), &[(&count(sessions), tokens.text)]);
        let format = TextFormat { valign: Align::Center, ..TextFormat::simple(text::label(), tokens.muted) };
        words.append(&format!("of {}", count(capacity)), space::XS + 2.0, format);
        ui.label(words);
        let color = fullness(ui, share);
        bar(ui, BAR, share, color);
    })
    .response
    .on_hover_text("WebSocket sessions that are logged in, and how many the nodes that are there take together.");
}

fn latency(ui: &mut Ui, picture: &Picture) {
    let quantile = |share| picture.latency.quantile_us(share).map_or(UNKNOWN.into(), micros);
    let explained = "From accepting a send to telling its outcome, over the sends of the last 10 seconds on all nodes together (their histograms are merged, not averaged).";
    tile(ui, "p50", quantile(0.5), None, explained);
    tile(ui, "p99", quantile(0.99), None, explained);
}

fn outcomes(ui: &mut Ui, picture: &Picture) {
    let total = &picture.total;
    let tokens = tokens(ui);
    let parts = [
        (Counter::Offline, "offline", tokens.muted),
        (Counter::Busy, "busy", tokens.warning),
        (Counter::Unreachable, "unreachable", tokens.bad),
        (Counter::Unconfirmed, "unconfirmed", tokens.doubt),
    ];
    ui.vertical(|ui| {
        label(ui, "not delivered / s");
        ui.label(RichText::new(rate(total.not_delivered())).font(text::figure()));
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            for (counter, word, color) in parts {
                outcome(ui, word, total[counter], color);
            }
        });
    })
    .response
    .on_hover_text("Sends a second that ended otherwise than delivered. Offline: the user has no session. Busy: a bounded queue was full. Unreachable: the recipient's node was not reached in time. Unconfirmed: handed over, and no answer came.");
}

fn outcome(ui: &mut Ui, word: &str, per_second: f64, color: Color32) -> Response {
    let color = if per_second > 0.0 { color } else { tokens(ui).faint };
    let words = format!("{} {word}", rate(per_second));
    ui.label(RichText::new(words).font(text::label()).color(color))
}

/// A figure under its label, with what it is made of beneath.
fn tile(ui: &mut Ui, name: &str, value: String, detail: Option<String>, explained: &str) {
    ui.vertical(|ui| {
        label(ui, name);
        ui.label(RichText::new(value).font(text::figure()));
        if let Some(detail) = detail {
            label(ui, detail);
        }
    })
    .response
    .on_hover_text(explained);
}
