use std::time::Duration;

use super::{Demand, Evidence, Violation};
use crate::{
    defaults::{FAULT_ECHO, FAULT_SLACK, ROUTE_LIFE},
    faults::{
        history::{Sent, Session, Told},
        schedule::{Fault, Part},
    },
};

/// A session is taken for open only until so long before its client saw its end: the node knew
/// earlier.
const UNSEEN_END: Duration = Duration::from_secs(1);

pub(super) fn check(evidence: &Evidence<'_>, found: &mut Vec<Violation>) {
    for (number, session) in evidence.history.sessions.iter().enumerate() {
        for (at, sent) in session.sent.iter().enumerate() {
            let [told] = sent.told.as_slice() else { continue };
            let case = Case { evidence, session: number, number: at, sent, told };
            found.extend(case.violation());
            if evidence.history.last_round.is_some_and(|begin| sent.at >= begin) {
                found.extend(case.reaches_all());
            }
        }
    }
}

/// A send with its outcome.
struct Case<'a> {
    evidence: &'a Evidence<'a>,
    session: usize,
    number: usize,
    sent: &'a Sent,
    told: &'a Told,
}

impl Case<'_> {
    fn violation(&self) -> Option<Violation> {
        let receivers = self.evidence.receivers(self.session, self.number);
        match self.told.outcome.as_str() {
            "delivered" if receivers.is_empty() && !self.may_be_lost() => {
                Some(self.violates(Demand::Delivered, "but no session has received it"))
            }
            "offline" | "busy" | "unreachable" if !receivers.is_empty() => {
                let text = format!("but session {receivers:?} has received it");
                Some(self.violates(Demand::Withheld, &text))
            }
            "offline" => self.was_there(),
            _ => None,
        }
    }

    fn violates(&self, demand: Demand, text: &str) -> Violation {
        let sender = &self.evidence.history.sessions[self.session];
        let (number, at) = (self.session, self.number);
        let (from, to, node) = (&sender.user, &self.sent.to, &sender.node);
        let (sent, told, outcome) = (self.sent.at, self.told.at, &self.told.outcome);
        let name = format!("send {number}.{at} of {from} to {to} at {node}");
        Violation::new(demand, format!("{name}, {sent:.2?}: {outcome} at {told:.2?}, {text}"))
    }

    /// Whether the network may have lost it behind the socket that took it: on a connection that
    /// did not come to a clean end.
    fn may_be_lost(&self) -> bool {
        let sessions = self.evidence.sessions_of(&self.sent.to).iter();
        let mut sessions = sessions.map(|&session| &self.evidence.history.sessions[session]);
        sessions.any(|session| {
            session.opened <= self.told.at
                && session.ended.as_ref().is_some_and(|ended| {
                    !ended.clean && self.sent.at <= self.seen_by_node(session, ended.at)
                })
        })
    }

    /// When the node of a session has surely seen that its connection broke at `at`.
    fn seen_by_node(&self, session: &Session, at: Duration) -> Duration {
        let seen = at + FAULT_SLACK;
        seen + self.evidence.history.frozen(&session.node, at, seen)
    }

    /// A violation if one of the recipient's sessions was there all the time, though nothing was
    /// wrong with its node, and nothing had been a moment ago. That Redis is away, or has forgotten
    /// everything, makes nobody offline.
    fn was_there(&self) -> Option<Violation> {
        let history = self.evidence.history;
        let from = self.sent.at.saturating_sub(FAULT_ECHO);
        let there = self.evidence.sessions_of(&self.sent.to).iter().find(|&&session| {
            let session = &history.sessions[session];
            let hurts = |fault: &Fault| match fault.part() {
                Part::Node(node) => node == session.node,
                Part::Link(_) | Part::Relay | Part::Redis => false,
            };
            session.attentive
                && session.is_open(self.sent.at, self.told.at + UNSEEN_END)
                && !history.any(from, self.told.at, hurts)
        })?;
        let node = &history.sessions[*there].node;
        let text = format!("but session {there} was there, at {node}");
        Some(self.violates(Demand::Present, &text))
    }

    /// A violation if it was not delivered to all sessions that its recipient had for long enough.
    fn reaches_all(&self) -> Option<Violation> {
        if self.told.outcome != "delivered" {
            return Some(self.violates(Demand::Reach, "though all was quiet"));
        }
        let receivers = self.evidence.receivers(self.session, self.number);
        let known = self.sent.at.saturating_sub(ROUTE_LIFE);
        let missed = self.evidence.sessions_of(&self.sent.to).iter().find(|session| {
            self.evidence.history.sessions[**session].is_open(known, self.told.at + UNSEEN_END)
                && !receivers.contains(session)
        })?;
        let text = format!("but session {missed} has not received it");
        Some(self.violates(Demand::Reach, &text))
    }
}
