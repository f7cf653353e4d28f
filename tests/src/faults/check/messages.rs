//! Messages arrive once, in order, and only if they were sent.

use std::collections::{HashMap, HashSet};

use super::{Guarantee, GuaranteeViolation};
use crate::faults::history::{MessageRecord, RunHistory, SessionRecord};

pub(super) fn check(history: &RunHistory, found: &mut Vec<GuaranteeViolation>) {
    for (number, session) in history.sessions.iter().enumerate() {
        let name = format!("session {number} of {} at {}", session.user, session.node);
        once(session, &name, found);
        in_order(session, &name, found);
        known(history, session, &name, found);
    }
    ids_are_unique(history, found);
}

fn once(session: &SessionRecord, name: &str, found: &mut Vec<GuaranteeViolation>) {
    let (mut sends, mut ids) = (HashSet::new(), HashSet::new());
    for message in &session.received {
        if !sends.insert((message.session, message.number)) || !ids.insert(&message.id) {
            let text = format!("{name}: send {}.{} arrived again", message.session, message.number);
            found.push(GuaranteeViolation::new(Guarantee::Once, text));
        }
    }
}

fn in_order(session: &SessionRecord, name: &str, found: &mut Vec<GuaranteeViolation>) {
    let mut last: HashMap<usize, usize> = HashMap::new();
    for message in &session.received {
        let before = last.insert(message.session, message.number);
        if let Some(before) = before.filter(|before| *before > message.number) {
            let text = format!(
                "{name}: send {}.{} arrived after {before}",
                message.session, message.number
            );
            found.push(GuaranteeViolation::new(Guarantee::Order, text));
        }
    }
}

/// Every message was sent by its sender to its recipient, under the id that the receipt has.
fn known(
    history: &RunHistory,
    session: &SessionRecord,
    name: &str,
    found: &mut Vec<GuaranteeViolation>,
) {
    for text in &session.unexpected {
        found.push(GuaranteeViolation::new(Guarantee::Known, format!("{name}: {text}")));
    }
    for message in session.received.iter().filter(|message| !is_known(history, session, message)) {
        found.push(GuaranteeViolation::new(
            Guarantee::Known,
            format!("{name}: nobody sent {message:?}"),
        ));
    }
}

fn is_known(history: &RunHistory, receiver: &SessionRecord, message: &MessageRecord) -> bool {
    let Some(sender) = history.sessions.get(message.session) else { return false };
    let Some(sent) = sender.sent.get(message.number) else { return false };
    sender.user == message.from
        && sent.to == receiver.user
        && sent.receipts.iter().all(|receipt| receipt.message == message.id)
}

fn ids_are_unique(history: &RunHistory, found: &mut Vec<GuaranteeViolation>) {
    let mut ids = HashSet::new();
    let sends = history.sessions.iter().flat_map(|session| &session.sent);
    for receipt in sends.flat_map(|sent| sent.receipts.first()) {
        if !ids.insert(&receipt.message) {
            let text = format!("two sends have the message id {}", receipt.message);
            found.push(GuaranteeViolation::new(Guarantee::Known, text));
        }
    }
}
