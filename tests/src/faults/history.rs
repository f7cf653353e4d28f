//! What was seen of a run, from outside: what every client sent and got, and what went wrong when.

use std::time::Duration;

use super::schedule::Fault;

/// A run as it was seen. All times are counted from its start.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every connection that a client dialled, by number.
    pub sessions: Vec<Session>,
    /// The faults as they really came.
    pub spells: Vec<Spell>,
    /// When the observer itself was not given the machine: from, until.
    pub stalls: Vec<(Duration, Duration)>,
    /// When everything was quiet again, and everyone wrote to everyone once more.
    pub last_round: Option<Duration>,
}

/// One connection of one client.
#[derive(Clone, Debug)]
pub struct Session {
    /// The user it logged in as.
    pub user: String,
    /// The node it was dialled to.
    pub node: String,
    /// When it was dialled.
    pub opened: Duration,
    /// Whether it always read what there was, and so knew of its end at once.
    pub attentive: bool,
    /// When its welcome was read.
    pub welcomed: Option<Duration>,
    /// How it ended; `None` while it is open.
    pub ended: Option<Ended>,
    /// What it sent, by number.
    pub sent: Vec<Sent>,
    /// The messages that it read, in order.
    pub got: Vec<Got>,
    /// Frames that no client can make sense of.
    pub strange: Vec<String>,
}

/// The end of a connection.
#[derive(Clone, Debug)]
pub struct Ended {
    /// When the client learned of it, or began it.
    pub at: Duration,
    /// Whether both sides said so, so that all that the node had written was read.
    pub clean: bool,
    /// How, in words.
    pub how: String,
}

/// A send that was written to the node.
#[derive(Clone, Debug)]
pub struct Sent {
    /// To whom.
    pub to: String,
    /// When.
    pub at: Duration,
    /// Every receipt for it.
    pub told: Vec<Told>,
}

/// A receipt.
#[derive(Clone, Debug)]
pub struct Told {
    /// When it was read.
    pub at: Duration,
    /// The message's id.
    pub message: String,
    /// The outcome: its word in the contract.
    pub outcome: String,
}

/// A message that was read.
#[derive(Clone, Debug)]
pub struct Got {
    /// The message's id.
    pub message: String,
    /// Who sent it, as the node says.
    pub from: String,
    /// The number of the session that sent it, as its body says.
    pub session: usize,
    /// The number of the send in that session.
    pub number: usize,
}

/// A fault as it really came.
#[derive(Clone, Debug)]
pub struct Spell {
    /// What it was.
    pub fault: Fault,
    /// When it began.
    pub from: Duration,
    /// When it was over.
    pub until: Duration,
}

impl History {
    /// For how long the clock of `node` stood still between `from` and `until`.
    pub fn frozen(&self, node: &str, from: Duration, until: Duration) -> Duration {
        let freezes =
            |spell: &&Spell| matches!(&spell.fault, Fault::FreezeNode(name) if name == node);
        let spells = self.spells.iter().filter(freezes);
        spells.map(|spell| spell.until.min(until).saturating_sub(spell.from.max(from))).sum()
    }

    /// For how long the observer stood still between `from` and `until`, and everything else on a
    /// machine as busy as that.
    pub fn stalled(&self, from: Duration, until: Duration) -> Duration {
        let overlap =
            |&(begin, end): &(Duration, Duration)| end.min(until).saturating_sub(begin.max(from));
        self.stalls.iter().map(overlap).sum()
    }

    /// Whether something that `concerns` came or went between `from` and `until`.
    pub fn any(&self, from: Duration, until: Duration, concerns: impl Fn(&Fault) -> bool) -> bool {
        let mut spells = self.spells.iter().filter(|spell| concerns(&spell.fault));
        spells.any(|spell| spell.from <= until && spell.until >= from)
    }
}

impl Session {
    /// Whether it was open, as its client saw it, from `from` to `until`.
    pub fn is_open(&self, from: Duration, until: Duration) -> bool {
        self.welcomed.is_some_and(|welcomed| welcomed <= from)
            && self.ended.as_ref().is_none_or(|ended| ended.at > until)
    }
}
