use std::collections::VecDeque;

use trunkline_protocol::status::{ClusterEvent, EventKind};

use super::health::Severity;
use crate::{
    defaults::EVENTS_MAX,
    format::{millis, plural},
    visible,
};

/// What happened, the oldest first.
#[derive(Debug, Default)]
pub struct EventLog {
    events: VecDeque<ClusterEvent>,
    revision: u64,
}

/// An event in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// How much it matters.
    pub severity: Severity,
    /// What kind it is, in a word or two.
    pub word: &'static str,
    /// What happened, in a sentence.
    pub text: String,
}

impl EventLog {
    /// Adds what the relay told; what it repeats is left out.
    pub fn push(&mut self, event: ClusterEvent) {
        let known = self.events.iter().rev().take_while(|known| known.at_ms >= event.at_ms);
        if known.into_iter().any(|known| *known == event) {
            return;
        }
        let at = self.events.partition_point(|known| known.at_ms <= event.at_ms);
        self.events.insert(at, event);
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
        self.revision += 1;
    }

    /// The events, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &ClusterEvent> + ExactSizeIterator {
        self.events.iter()
    }

    /// Grows with each event.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// The words for all kinds of events, in the order of a node's life.
pub(crate) const WORDS: [&str; 15] = [
    "joined",
    "suspect",
    "recovered",
    "dead",
    "cleaned",
    "draining",
    "left",
    "refused",
    "slow readers",
    "Redis away",
    "Redis back",
    "relay lost",
    "relay back",
    "commanded",
    "certificate",
];

/// An event in an operator's words.
pub(crate) fn tell(event: &ClusterEvent) -> Told {
    let (severity, word) = kind(&event.kind);
    let text = match &event.kind {
        EventKind::Joined => "its link was opened".into(),
        EventKind::Suspect => "its link is silent or gone; it is not judged yet".into(),
        EventKind::Recovered => "it gave a sign of life again".into(),
        EventKind::Dead { verdict_ms } => {
            format!("judged dead {} after its last sign of life", millis(*verdict_ms))
        }
        EventKind::Cleaned { removed, kept, done_ms } => format!(
            "{} removed from the directory, {}; done {} after the last sign of life",
            plural(*removed, "entry"),
            still_online(*kept),
            millis(*done_ms)
        ),
        EventKind::Draining => "takes no new sessions and is leaving".into(),
        EventKind::Left => "has left by its own will".into(),
        EventKind::Refused { reason } => {
            format!("a connection was turned away: {}", visible::text(reason))
        }
        EventKind::SlowReaders { count } => {
            format!("{} ended for reading too slowly", plural(*count, "session"))
        }
        EventKind::RedisAway => "Redis does not answer the relay".into(),
        EventKind::RedisBack => "Redis answers the relay again".into(),
        EventKind::Commanded { command } => visible::text(command).into(),
        EventKind::CertificateEnding { subject, days } => {
            let subject = visible::text(subject);
            format!("the certificate of {subject} ends in {}", plural(*days, "day"))
        }
        EventKind::RelayLost { reason } => {
            format!("this window lost the relay: {}", visible::text(reason))
        }
        EventKind::RelayBack => "this window reads the relay again".into(),
        EventKind::Unknown => "something that only a newer window can tell".into(),
    };
    Told { severity, word, text }
}

/// How many users of a dead node are elsewhere.
pub(crate) fn still_online(users: u64) -> String {
    match users {
        0 => "no user online elsewhere".into(),
        users => format!("{} online elsewhere", plural(users, "user")),
    }
}

/// How much an event matters.
pub(crate) fn severity(event: &ClusterEvent) -> Severity {
    kind(&event.kind).0
}

fn kind(kind: &EventKind) -> (Severity, &'static str) {
    match kind {
        EventKind::Joined => (Severity::Good, "joined"),
        EventKind::Suspect => (Severity::Warning, "suspect"),
        EventKind::Recovered => (Severity::Good, "recovered"),
        EventKind::Dead { .. } => (Severity::Bad, "dead"),
        EventKind::Cleaned { .. } => (Severity::Note, "cleaned"),
        EventKind::Draining => (Severity::Note, "draining"),
        EventKind::Left => (Severity::Note, "left"),
        EventKind::Refused { .. } => (Severity::Warning, "refused"),
        EventKind::SlowReaders { .. } => (Severity::Warning, "slow readers"),
        EventKind::RedisAway => (Severity::Bad, "Redis away"),
        EventKind::RedisBack => (Severity::Good, "Redis back"),
        EventKind::Commanded { .. } => (Severity::Note, "commanded"),
        EventKind::CertificateEnding { .. } => (Severity::Warning, "certificate"),
        EventKind::RelayLost { .. } => (Severity::Bad, "relay lost"),
        EventKind::RelayBack => (Severity::Good, "relay back"),
        EventKind::Unknown => (Severity::Note, "unknown"),
    }
}
