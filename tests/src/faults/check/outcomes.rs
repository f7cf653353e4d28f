//! Each send gets one outcome in time.

use std::time::Duration;

use super::{Guarantee, GuaranteeViolation};
use crate::{
    defaults::{FAULT_SLACK, SEND_DEADLINE, SLOW_READER_PAUSE_MAX},
    faults::history::{ReceiptRecord, RunHistory, SendRecord, SessionRecord},
};

/// The outcomes of the protocol.
const OUTCOMES: [&str; 5] = ["delivered", "offline", "busy", "unreachable", "unconfirmed"];

pub(super) fn check(history: &RunHistory, found: &mut Vec<GuaranteeViolation>) {
    for (number, session) in history.sessions.iter().enumerate() {
        for (at, sent) in session.sent.iter().enumerate() {
            let name = format!("send {number}.{at} of {} to {}", session.user, sent.to);
            one_outcome(history, session, sent, &name, found);
            in_time(history, session, sent, &name, found);
        }
    }
}

fn one_outcome(
    history: &RunHistory,
    session: &SessionRecord,
    sent: &SendRecord,
    name: &str,
    found: &mut Vec<GuaranteeViolation>,
) {
    let mut violated = |text| found.push(GuaranteeViolation::new(Guarantee::OneOutcome, text));
    match sent.receipts.as_slice() {
        [ReceiptRecord { outcome, .. }] if OUTCOMES.contains(&outcome.as_str()) => {}
        [ReceiptRecord { outcome, .. }] => {
            violated(format!("{name}: no outcome is called {outcome:?}"))
        }
        [] if session.is_open(sent.at, due(history, session, sent)) => {
            let (node, at) = (&session.node, sent.at);
            violated(format!("{name} at {node}, {at:.2?}: no receipt has come"));
        }
        [] => {}
        several => violated(format!("{name}: {} receipts came: {several:?}", several.len())),
    }
}

/// The latest time for a send's outcome. A paused node sends nothing, and a client that does not read
/// notices nothing.
fn due(history: &RunHistory, session: &SessionRecord, sent: &SendRecord) -> Duration {
    let pause = if session.reads_promptly { Duration::ZERO } else { SLOW_READER_PAUSE_MAX };
    let due = sent.at + SEND_DEADLINE + FAULT_SLACK + pause;
    due + history.frozen(&session.node, sent.at, due) + history.stalled(sent.at, due)
}

fn in_time(
    history: &RunHistory,
    session: &SessionRecord,
    sent: &SendRecord,
    name: &str,
    found: &mut Vec<GuaranteeViolation>,
) {
    let due = due(history, session, sent);
    for receipt in sent.receipts.iter().filter(|receipt| receipt.at > due) {
        let after = receipt.at.saturating_sub(sent.at);
        let text = format!("{name} at {}: {} after {after:.2?}", session.node, receipt.outcome);
        found.push(GuaranteeViolation::new(Guarantee::InTime, text));
    }
}
