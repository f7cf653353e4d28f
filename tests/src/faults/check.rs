//! Holds a run to the contract. Pure: it judges what was recorded and looks at nothing else.

mod messages;
mod outcomes;
mod state;
mod truth;

#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt};

pub use self::state::{Directory, Expected, Membership, directory, membership};
use super::history::{Got, History};

/// What a run is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Demand {
    /// A send has exactly one outcome while its session lives, and never two.
    OneOutcome,
    /// The outcome comes within the deadline.
    InTime,
    /// What is called delivered was received.
    Delivered,
    /// What is called offline, busy or unreachable was received by nobody.
    Withheld,
    /// Nobody is called offline who is there.
    Present,
    /// No session gets a message twice.
    Once,
    /// What one session sends to a user arrives in that order in each session.
    Order,
    /// Every message and every receipt belongs to a send.
    Known,
    /// Once all is quiet, the directory names the sessions that exist, and nothing else.
    Directory,
    /// Once all is quiet, the relay and all nodes agree on who belongs to the cluster.
    Membership,
    /// Once all is quiet, everyone reaches everyone, on every session.
    Reach,
    /// Processes end when and as they should, and only then.
    Processes,
}

impl Demand {
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

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OneOutcome => "one outcome for each send",
            Self::InTime => "within the deadline",
            Self::Delivered => "delivered means received",
            Self::Withheld => "not delivered means not received",
            Self::Present => "offline means not there",
            Self::Once => "no message twice in a session",
            Self::Order => "in the order of sending",
            Self::Known => "nothing that nobody sent",
            Self::Directory => "the directory is exact",
            Self::Membership => "membership agrees",
            Self::Reach => "everyone reaches everyone",
            Self::Processes => "processes end as they should",
        })
    }
}

/// A demand that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub demand: Demand,
    /// What happened instead.
    pub text: String,
}

impl Violation {
    /// A demand was not met.
    pub fn new(demand: Demand, text: impl Into<String>) -> Self {
        Self { demand, text: text.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.demand, self.text)
    }
}

/// Everything in a history that is not as it should be.
pub fn history(history: &History) -> Vec<Violation> {
    let evidence = Evidence::of(history);
    let mut found = Vec::new();
    outcomes::check(history, &mut found);
    messages::check(history, &mut found);
    truth::check(&evidence, &mut found);
    found
}

/// A history, and who got what of it.
struct Evidence<'a> {
    history: &'a History,
    /// The sessions that got a send, by the numbers of its session and of itself.
    got: HashMap<(usize, usize), Vec<usize>>,
    /// The sessions of each user.
    sessions: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Evidence<'a> {
    fn of(history: &'a History) -> Self {
        let (mut got, mut sessions) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for (receiver, session) in history.sessions.iter().enumerate() {
            sessions.entry(session.user.as_str()).or_default().push(receiver);
            for &Got { session, number, .. } in &session.got {
                got.entry((session, number)).or_default().push(receiver);
            }
        }
        Self { history, got, sessions }
    }

    /// The sessions that got a send.
    fn receivers(&self, session: usize, number: usize) -> &[usize] {
        self.got.get(&(session, number)).map_or(&[], Vec::as_slice)
    }

    /// The sessions of a user.
    fn sessions_of(&self, user: &str) -> &[usize] {
        self.sessions.get(user).map_or(&[], Vec::as_slice)
    }
}
