//! Outcomes are true: a delivered message was received, any other was not.

use std::time::Duration;

use super::{Guarantee, GuaranteeViolation, IndexedHistory};
use crate::{
    defaults::{FAULT_RECOVERY, FAULT_SLACK, ROUTE_TTL},
    faults::{
        history::{ReceiptRecord, SendRecord, SessionRecord},
        schedule::{Component, Fault},
    },
};

/// A node may know of a session's end this long before its client does.
const UNSEEN_END: Duration = Duration::from_secs(1);

pub(super) fn check(history: &IndexedHistory<'_>, found: &mut Vec<GuaranteeViolation>) {
    for (number, session) in history.history.sessions.iter().enumerate() {
        for (at, sent) in session.sent.iter().enumerate() {
            let [receipt] = sent.receipts.as_slice() else { continue };
            let send = CheckedSend { history, session: number, number: at, sent, receipt };
            found.extend(send.violation());
            if history.history.final_round.is_some_and(|begin| sent.at >= begin) {
                found.extend(send.reaches_all());
            }
        }
    }
}

/// A send with one receipt.
struct CheckedSend<'a> {
    history: &'a IndexedHistory<'a>,
    session: usize,
    number: usize,
    sent: &'a SendRecord,
    receipt: &'a ReceiptRecord,
}

impl CheckedSend<'_> {
    fn violation(&self) -> Option<GuaranteeViolation> {
        let receivers = self.history.receivers(self.session, self.number);
        match self.receipt.outcome.as_str() {
            "delivered" if receivers.is_empty() && !self.may_be_lost() => {
                Some(self.violates(Guarantee::Delivered, "but no session has received it"))
            }
            "offline" | "busy" | "unreachable" if !receivers.is_empty() => {
                let text = format!("but session {receivers:?} has received it");
                Some(self.violates(Guarantee::Withheld, &text))
            }
            "offline" => self.offline_despite_session(),
            _ => None,
        }
    }

    fn violates(&self, guarantee: Guarantee, text: &str) -> GuaranteeViolation {
        let sender = &self.history.history.sessions[self.session];
        let (number, at) = (self.session, self.number);
        let (from, to, node) = (&sender.user, &self.sent.to, &sender.node);
        let (sent, receipt, outcome) = (self.sent.at, self.receipt.at, &self.receipt.outcome);
        let name = format!("send {number}.{at} of {from} to {to} at {node}");
        GuaranteeViolation::new(
            guarantee,
            format!("{name}, {sent:.2?}: {outcome} at {receipt:.2?}, {text}"),
        )
    }

    /// Whether it may be lost behind the socket that accepted it: in a connection that did not end
    /// cleanly.
    fn may_be_lost(&self) -> bool {
        let sessions = self.history.sessions_of(&self.sent.to).iter();
        let mut sessions = sessions.map(|&session| &self.history.history.sessions[session]);
        sessions.any(|session| {
            session.opened <= self.receipt.at
                && session.ended.as_ref().is_some_and(|ended| {
                    !ended.clean && self.sent.at <= self.seen_by_node(session, ended.at)
                })
        })
    }

    /// The latest time at which a session's node notices that its connection broke at `at`.
    fn seen_by_node(&self, session: &SessionRecord, at: Duration) -> Duration {
        let seen = at + FAULT_SLACK;
        seen + self.history.history.frozen(&session.node, at, seen)
    }

    /// A violation if one of the recipient's sessions was open all the time, while its node had no
    /// fault, nor a moment before. Faults of Redis are no excuse: they make no user offline.
    fn offline_despite_session(&self) -> Option<GuaranteeViolation> {
        let history = self.history.history;
        let from = self.sent.at.saturating_sub(FAULT_RECOVERY);
        let open_session = self.history.sessions_of(&self.sent.to).iter().find(|&&session| {
            let session = &history.sessions[session];
            let affects_node = |fault: &Fault| match fault.component() {
                Component::Node(node) => node == session.node,
                Component::Link(_) | Component::Relay | Component::Redis => false,
            };
            session.reads_promptly
                && session.is_open(self.sent.at, self.receipt.at + UNSEEN_END)
                && !history.any(from, self.receipt.at, affects_node)
        })?;
        let node = &history.sessions[*open_session].node;
        let text = format!("but session {open_session} was open, at {node}");
        Some(self.violates(Guarantee::Present, &text))
    }

    /// A violation if it did not reach all sessions that were open for longer than a route is cached.
    fn reaches_all(&self) -> Option<GuaranteeViolation> {
        if self.receipt.outcome != "delivered" {
            return Some(self.violates(Guarantee::Reach, "though there was no fault"));
        }
        let receivers = self.history.receivers(self.session, self.number);
        let routes_fresh_from = self.sent.at.saturating_sub(ROUTE_TTL);
        let missed = self.history.sessions_of(&self.sent.to).iter().find(|session| {
            self.history.history.sessions[**session]
                .is_open(routes_fresh_from, self.receipt.at + UNSEEN_END)
                && !receivers.contains(session)
        })?;
        let text = format!("but session {missed} has not received it");
        Some(self.violates(Guarantee::Reach, &text))
    }
}
