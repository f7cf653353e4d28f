//! An event as one line.

use trunkline_protocol::status::{ClusterEvent, EventKind};

use crate::terminal::{BAD, BOLD, DIM, GOOD, NOTE, Painted};

/// The time of day (UTC), the node or relay, and what happened.
pub(super) fn line(event: &ClusterEvent) -> String {
    let (style, what) = description(&event.kind);
    let node = event.node.as_ref().map_or("relay", |name| name.as_str());
    let time = Painted(DIM, clock(event.at_ms));
    format!("{time} {} {}", Painted(BOLD, format!("{node:<10}")), Painted(style, what))
}

fn description(kind: &EventKind) -> (anstyle::Style, String) {
    match kind {
        EventKind::Joined => (GOOD, "joined".into()),
        EventKind::Suspect => (NOTE, "is silent: suspect".into()),
        EventKind::Recovered => (GOOD, "recovered: heard from again".into()),
        EventKind::Dead { verdict_ms } => (BAD, format!("declared dead after {verdict_ms} ms")),
        EventKind::Cleaned { removed, kept, done_ms } => (
            NOTE,
            format!(
                "purged after {done_ms} ms: {removed} stale entries removed, {kept} of its users online elsewhere"
            ),
        ),
        EventKind::Draining => (NOTE, "draining".into()),
        EventKind::Left => (NOTE, "left".into()),
        EventKind::Refused { reason } => (BAD, format!("rejected: {reason}")),
        EventKind::SlowReaders { count } => (NOTE, format!("closed {count} slow sessions")),
        EventKind::RedisAway => (BAD, "Redis does not answer".into()),
        EventKind::RedisBack => (GOOD, "Redis answers".into()),
        EventKind::RelayLost { reason } => (BAD, format!("relay lost: {reason}")),
        EventKind::RelayBack => (GOOD, "relay is back".into()),
        EventKind::Commanded { command } => (NOTE, format!("command: {command}")),
        EventKind::CertificateEnding { subject, days } => {
            (NOTE, format!("the certificate of {subject} expires in {days} days"))
        }
        EventKind::Unknown => (DIM, "an event that only newer versions know".into()),
    }
}

fn clock(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000 % 86_400;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}Z", seconds % 60, unix_ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_shows_the_time_of_day() {
        assert_eq!(clock(1_790_000_000_123), "14:13:20.123Z");
    }
}
