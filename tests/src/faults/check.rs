//! Checks a run against the guarantees. Pure: its only input is what was recorded.

mod messages;
mod outcomes;
mod state;
mod truth;

#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt};

pub use self::state::{DirectoryContents, ExpectedState, MembershipViews, directory, membership};
use super::history::{MessageRecord, RunHistory};

/// What the cluster guarantees, faults or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guarantee {
    /// A send has exactly one outcome while its session lives, and never two.
    OneOutcome,
    /// The outcome comes before the deadline.
    InTime,
    /// Messages reported as delivered were received.
    Delivered,
    /// Messages reported as offline, busy or unreachable were not received.
    Withheld,
    /// No user with a session is reported as offline.
    Present,
    /// No session gets a message twice.
    Once,
    /// Each session receives the messages of one session in send order.
    Order,
    /// Every message and every receipt belongs to a send.
    Known,
    /// After the faults, the directory has exactly the existing sessions.
    Directory,
    /// After the faults, the relay and all nodes agree on the members.
    Membership,
    /// After the faults, every user reaches every session of every user.
    Reach,
    /// Processes end only when stopped, and with the right status.
    Processes,
}

impl Guarantee {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::OneOutcome,
        Self::InTime,
        Self::Delivered,
        Self::Withheld,
        Self::Present,
        Self::Once,
        Self::Order,
        Self::Known,
        Self::Directory,
        Self::Membership,
        Self::Reach,
        Self::Processes,
    ];
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OneOutcome => "one outcome for each send",
            Self::InTime => "within the deadline",
            Self::Delivered => "delivered means received",
            Self::Withheld => "not delivered means not received",
            Self::Present => "offline means without a session",
            Self::Once => "no message twice in a session",
            Self::Order => "in the order of sending",
            Self::Known => "nothing that was not sent",
            Self::Directory => "the directory is exact",
            Self::Membership => "membership agrees",
            Self::Reach => "everyone reaches everyone",
            Self::Processes => "processes end as they should",
        })
    }
}

/// A guarantee that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuaranteeViolation {
    /// Which.
    pub guarantee: Guarantee,
    /// What happened instead.
    pub text: String,
}

impl GuaranteeViolation {
    /// A broken guarantee and what happened.
    pub fn new(guarantee: Guarantee, text: impl Into<String>) -> Self {
        Self { guarantee, text: text.into() }
    }
}

impl fmt::Display for GuaranteeViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.guarantee, self.text)
    }
}

/// All violations in a history.
pub fn history(history: &RunHistory) -> Vec<GuaranteeViolation> {
    let indexed = IndexedHistory::of(history);
    let mut found = Vec::new();
    outcomes::check(history, &mut found);
    messages::check(history, &mut found);
    truth::check(&indexed, &mut found);
    found
}

/// A history with indexes.
struct IndexedHistory<'a> {
    history: &'a RunHistory,
    /// The sessions that received a send, by the numbers of its session and of itself.
    receivers: HashMap<(usize, usize), Vec<usize>>,
    /// The sessions of each user.
    sessions: HashMap<&'a str, Vec<usize>>,
}

impl<'a> IndexedHistory<'a> {
    fn of(history: &'a RunHistory) -> Self {
        let (mut receivers, mut sessions) =
            (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for (receiver, session) in history.sessions.iter().enumerate() {
            sessions.entry(session.user.as_str()).or_default().push(receiver);
            for &MessageRecord { session, number, .. } in &session.received {
                receivers.entry((session, number)).or_default().push(receiver);
            }
        }
        Self { history, receivers, sessions }
    }

    /// The sessions that received a send.
    fn receivers(&self, session: usize, number: usize) -> &[usize] {
        self.receivers.get(&(session, number)).map_or(&[], Vec::as_slice)
    }

    /// The sessions of a user.
    fn sessions_of(&self, user: &str) -> &[usize] {
        self.sessions.get(user).map_or(&[], Vec::as_slice)
    }
}
