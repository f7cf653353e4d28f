use super::{
    finding::{Finding, FindingPlace, Severity},
    incident_status::{IncidentCause, IncidentStatus},
    send_counts::SendCounts,
};
use crate::format::{count, plural, since};

/// What an incident began with, in a few words.
pub(crate) fn describe_cause(cause: &IncidentCause) -> String {
    match cause {
        IncidentCause::RelayRestarted => "the relay was away".into(),
        IncidentCause::RedisAway => "Redis was away".into(),
        IncidentCause::Node(name) => format!("{name} did not respond"),
        IncidentCause::NoNode => "no node was present".into(),
        IncidentCause::FailedSends => "sends failed".into(),
    }
}

/// How many sends an incident has affected, in words.
pub(crate) fn affected(sends: &SendCounts) -> String {
    if sends.not_delivered() == 0 {
        return "no sends affected".into();
    }
    let losses = sends.losses().into_iter();
    let losses = losses.map(|(outcome, number)| format!("{} {}", count(number), outcome.as_str()));
    let losses = losses.collect::<Vec<_>>().join(", ");
    format!("{} affected ({losses})", plural(sends.not_delivered(), "send"))
}

/// The finding for an incident that is over, as of a moment.
pub(super) fn recovered(incident: &IncidentStatus, at_ms: u64) -> Option<Finding> {
    let until_ms = incident.until_ms?;
    let text = format!(
        "Recovered {} ago: {} while {}, for {}",
        since(until_ms, at_ms),
        affected(&incident.sends),
        describe_cause(&incident.cause),
        since(incident.from_ms, until_ms)
    );
    Some(Finding::new(Severity::Note, text, FindingPlace::Outcomes))
}
