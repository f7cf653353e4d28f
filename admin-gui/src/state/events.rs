use std::{collections::VecDeque, ops::Range};

use trunkline_protocol::status::{ClusterEvent, EventKind};

use super::finding::Severity;
use crate::{
    clock::Clock,
    defaults::EVENTS_MAX,
    escape,
    format::{millis, plural},
};

/// The events, the oldest first.
#[derive(Debug, Default)]
pub struct EventLog {
    events: VecDeque<ClusterEvent>,
    revision: u64,
}

/// An event as the operator reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventText {
    /// How much it matters.
    pub severity: Severity,
    /// Its kind: one of `EVENT_LABELS`, or "unknown".
    pub label: &'static str,
    /// What happened, in a sentence.
    pub text: String,
}

impl EventLog {
    /// Adds an event in the order of time. Drops one that is known: a relay repeats its history on
    /// each new connection.
    pub fn push(&mut self, event: ClusterEvent) {
        let mut newer = self.events.iter().rev().take_while(|known| known.at_ms >= event.at_ms);
        if newer.any(|known| *known == event) {
            return;
        }
        let index = self.events.partition_point(|known| known.at_ms <= event.at_ms);
        self.events.insert(index, event);
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
        self.revision += 1;
    }

    /// The events, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &ClusterEvent> + ExactSizeIterator {
        self.events.iter()
    }

    /// The indices of the events from one moment to another.
    pub fn indices(&self, from_ms: u64, to_ms: u64) -> Range<usize> {
        let first = self.events.partition_point(|event| event.at_ms < from_ms);
        let end = self.events.partition_point(|event| event.at_ms <= to_ms);
        first..end.max(first)
    }

    /// The events with these indices.
    ///
    /// # Panics
    /// If one is out of bounds.
    pub fn range(&self, indices: Range<usize>) -> impl Iterator<Item = &ClusterEvent> {
        self.events.range(indices)
    }

    /// When the node of a "dead" or "purged" event last responded, if the log knows.
    fn last_response_ms(&self, event: &ClusterEvent) -> Option<u64> {
        if let EventKind::Dead { verdict_ms } = event.kind {
            return Some(event.at_ms.saturating_sub(verdict_ms));
        }
        event.incarnation?;
        let same = |known: &&ClusterEvent| known.incarnation == event.incarnation;
        self.events.iter().rev().filter(same).find_map(|known| match known.kind {
            EventKind::Dead { verdict_ms } => Some(known.at_ms.saturating_sub(verdict_ms)),
            _ => None,
        })
    }

    /// Grows with each event. A cache of values from the log is stale when it has.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// The labels of all kinds of events, from a node's start to its end, then the rest.
pub(crate) const EVENT_LABELS: [&str; 15] = [
    "joined",
    "suspect",
    "recovered",
    "dead",
    "purged",
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

/// An event as the operator reads it. `log` knows what led to it.
pub(crate) fn describe_event(event: &ClusterEvent, log: &EventLog, clock: &Clock) -> EventText {
    let (severity, label) = classify(&event.kind);
    let text = match &event.kind {
        EventKind::Joined => "its link was opened".into(),
        EventKind::Suspect => {
            "its link is silent or gone; it may still be declared dead or recover".into()
        }
        EventKind::Recovered => "it responds again".into(),
        EventKind::Dead { verdict_ms } => {
            let at = log.last_response_ms(event).map_or(String::new(), |at| at_time(at, clock));
            format!("declared dead {} after its last response{at}", millis(*verdict_ms))
        }
        EventKind::Cleaned { removed, kept, done_ms } => format!(
            "{}, {}; {}",
            plural(*removed, "directory entry"),
            still_online(*kept),
            purge_times(event, *done_ms, log, clock)
        ),
        EventKind::Draining => "accepts no new sessions and shuts down".into(),
        EventKind::Left => "shut down".into(),
        EventKind::Refused { reason } => {
            format!("a connection was refused: {}", escape::text(reason))
        }
        EventKind::SlowReaders { count } => {
            format!("{} ended for reading too slowly", plural(*count, "session"))
        }
        EventKind::RedisAway => "Redis does not answer the relay".into(),
        EventKind::RedisBack => "Redis answers the relay again".into(),
        EventKind::Commanded { command } => escape::text(command).into(),
        EventKind::CertificateEnding { subject, days } => {
            let subject = escape::text(subject);
            format!("the certificate of {subject} expires in {}", plural(*days, "day"))
        }
        EventKind::RelayLost { reason } => {
            format!("this window lost the relay: {}", escape::text(reason))
        }
        EventKind::RelayBack => "this window is connected to the relay again".into(),
        EventKind::Unknown => "a kind of event that only a newer window can describe".into(),
    };
    EventText { severity, label, text }
}

/// The relay reports a purge when it has checked that nothing is left, some time after the last removal.
fn purge_times(event: &ClusterEvent, done_ms: u64, log: &EventLog, clock: &Clock) -> String {
    let after = millis(done_ms);
    match log.last_response_ms(event) {
        None => format!("the last one was removed {after} after the node's last response"),
        Some(last_ms) => format!(
            "the last one was removed{}, {after} after the node's last response{}; checked since \
             that none is left",
            at_time(last_ms + done_ms, clock),
            at_time(last_ms, clock)
        ),
    }
}

fn at_time(at_ms: u64, clock: &Clock) -> String {
    format!(" at {}", clock.millis(at_ms))
}

/// How many users of a dead node are logged in elsewhere.
pub(crate) fn still_online(users: u64) -> String {
    match users {
        0 => "no user online elsewhere".into(),
        users => format!("{} online elsewhere", plural(users, "user")),
    }
}

/// How much an event matters.
pub(crate) fn severity(event: &ClusterEvent) -> Severity {
    classify(&event.kind).0
}

fn classify(kind: &EventKind) -> (Severity, &'static str) {
    match kind {
        EventKind::Joined => (Severity::Good, "joined"),
        EventKind::Suspect => (Severity::Warning, "suspect"),
        EventKind::Recovered => (Severity::Good, "recovered"),
        EventKind::Dead { .. } => (Severity::Bad, "dead"),
        EventKind::Cleaned { .. } => (Severity::Note, "purged"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at_ms: u64, kind: EventKind) -> ClusterEvent {
        ClusterEvent { at_ms, node: None, incarnation: None, kind }
    }

    #[test]
    fn repeated_history_is_not_added_twice() {
        let mut log = EventLog::default();
        let past = [event(1, EventKind::RedisAway), event(2, EventKind::RedisBack)];
        for event in past.iter().chain(&past) {
            log.push(event.clone());
        }
        assert!(log.iter().eq(&past));
        assert_eq!(log.revision(), 2);
    }

    #[test]
    fn late_event_is_sorted_in() {
        let mut log = EventLog::default();
        for at_ms in [5, 9, 7] {
            log.push(event(at_ms, EventKind::RedisAway));
        }
        assert!(log.iter().map(|event| event.at_ms).eq([5, 7, 9]));
    }

    #[test]
    fn oldest_event_makes_room() {
        let mut log = EventLog::default();
        for at_ms in 0..=EVENTS_MAX as u64 {
            log.push(event(at_ms, EventKind::RedisAway));
        }
        assert_eq!(log.iter().len(), EVENTS_MAX);
        assert_eq!(log.iter().next().map(|event| event.at_ms), Some(1));
    }
}
