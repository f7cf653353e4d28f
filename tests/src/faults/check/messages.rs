use std::collections::{HashMap, HashSet};

use super::{Demand, Violation};
use crate::faults::history::{Got, History, Session};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    for (number, session) in history.sessions.iter().enumerate() {
        let name = format!("session {number} of {} at {}", session.user, session.node);
        once(session, &name, found);
        in_order(session, &name, found);
        known(history, session, &name, found);
    }
    ids_are_unique(history, found);
}

fn once(session: &Session, name: &str, found: &mut Vec<Violation>) {
    let (mut sends, mut ids) = (HashSet::new(), HashSet::new());
    for got in &session.got {
        if !sends.insert((got.session, got.number)) || !ids.insert(&got.message) {
            let text = format!("{name}: send {}.{} came again", got.session, got.number);
            found.push(Violation::new(Demand::Once, text));
        }
    }
}

fn in_order(session: &Session, name: &str, found: &mut Vec<Violation>) {
    let mut last: HashMap<usize, usize> = HashMap::new();
    for got in &session.got {
        let before = last.insert(got.session, got.number);
        if let Some(before) = before.filter(|before| *before > got.number) {
            let text = format!("{name}: send {}.{} came after {before}", got.session, got.number);
            found.push(Violation::new(Demand::Order, text));
        }
    }
}

/// Every message was sent, by whom it says and to whom it came, and under the id of its receipt.
fn known(history: &History, session: &Session, name: &str, found: &mut Vec<Violation>) {
    for text in &session.strange {
        found.push(Violation::new(Demand::Known, format!("{name}: {text}")));
    }
    for got in session.got.iter().filter(|got| !is_known(history, session, got)) {
        found.push(Violation::new(Demand::Known, format!("{name}: nobody sent {got:?}")));
    }
}

fn is_known(history: &History, receiver: &Session, got: &Got) -> bool {
    let Some(sender) = history.sessions.get(got.session) else { return false };
    let Some(sent) = sender.sent.get(got.number) else { return false };
    sender.user == got.from
        && sent.to == receiver.user
        && sent.told.iter().all(|told| told.message == got.message)
}

fn ids_are_unique(history: &History, found: &mut Vec<Violation>) {
    let mut ids = HashSet::new();
    let sends = history.sessions.iter().flat_map(|session| &session.sent);
    for told in sends.flat_map(|sent| sent.told.first()) {
        if !ids.insert(&told.message) {
            let text = format!("two sends have the message id {}", told.message);
            found.push(Violation::new(Demand::Known, text));
        }
    }
}
