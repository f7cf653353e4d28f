use std::time::Duration;

use super::{Demand, Violation};
use crate::{
    defaults::{FAULT_DOZE_MAX, FAULT_SLACK, SEND_DEADLINE},
    faults::history::{History, Sent, Session, Told},
};

/// The words of the contract.
const OUTCOMES: [&str; 5] = ["delivered", "offline", "busy", "unreachable", "unconfirmed"];

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    for (number, session) in history.sessions.iter().enumerate() {
        for (at, sent) in session.sent.iter().enumerate() {
            let name = format!("send {number}.{at} of {} to {}", session.user, sent.to);
            one_outcome(history, session, sent, &name, found);
            in_time(history, session, sent, &name, found);
        }
    }
}

fn one_outcome(
    history: &History,
    session: &Session,
    sent: &Sent,
    name: &str,
    found: &mut Vec<Violation>,
) {
    let mut violated = |text| found.push(Violation::new(Demand::OneOutcome, text));
    match sent.told.as_slice() {
        [Told { outcome, .. }] if OUTCOMES.contains(&outcome.as_str()) => {}
        [Told { outcome, .. }] => violated(format!("{name}: no outcome is called {outcome:?}")),
        [] if session.is_open(sent.at, due(history, session, sent)) => {
            let (node, at) = (&session.node, sent.at);
            violated(format!("{name} at {node}, {at:.2?}: no receipt has come"));
        }
        [] => {}
        several => violated(format!("{name}: {} receipts came: {several:?}", several.len())),
    }
}

/// When a send has its outcome at the very latest. A node that stands still tells nothing, and a
/// client that dozes hears nothing.
fn due(history: &History, session: &Session, sent: &Sent) -> Duration {
    let doze = if session.attentive { Duration::ZERO } else { FAULT_DOZE_MAX };
    let due = sent.at + SEND_DEADLINE + FAULT_SLACK + doze;
    due + history.frozen(&session.node, sent.at, due) + history.stalled(sent.at, due)
}

fn in_time(
    history: &History,
    session: &Session,
    sent: &Sent,
    name: &str,
    found: &mut Vec<Violation>,
) {
    let due = due(history, session, sent);
    for told in sent.told.iter().filter(|told| told.at > due) {
        let after = told.at.saturating_sub(sent.at);
        let text = format!("{name} at {}: {} after {after:.2?}", session.node, told.outcome);
        found.push(Violation::new(Demand::InTime, text));
    }
}
