use trunkline_protocol::{control::MemberState, status::NodeStatus};

use super::{
    counters::Rates,
    finding::{Finding, FindingPlace, Severity},
};
use crate::{
    defaults::LOSSY_SHARE,
    format::{millis, percent, plural},
};

/// The worst that is to say about a node.
pub(crate) fn check_node(node: &NodeStatus, rates: &Rates) -> Option<Finding> {
    let name = &node.name;
    let found = |severity, text| Finding::new(severity, text, FindingPlace::Node(name.clone()));
    match node.state {
        MemberState::Dead => Some(check_dead(node)),
        MemberState::Live => check_live(node, rates),
        MemberState::Left => None,
        MemberState::Suspect => {
            let text = format!("{name} is suspect: silent for {}", millis(node.silent_ms));
            Some(found(Severity::Warning, text))
        }
        MemberState::Joining => {
            let text = format!("{name} is in the directory and has no link yet");
            Some(found(Severity::Note, text))
        }
        MemberState::Draining => {
            let sessions = plural(node.load.sessions.into(), "session");
            Some(found(Severity::Note, format!("{name} is draining: {sessions} left")))
        }
    }
}

fn check_dead(node: &NodeStatus) -> Finding {
    let (severity, progress) = match node.purge.as_ref().map(|purge| (purge.removed, purge.done_ms))
    {
        None => (Severity::Bad, "its directory entries are not removed yet".into()),
        Some((_, None)) => (Severity::Bad, "its directory entries are being removed".into()),
        Some((removed, Some(done_ms))) => {
            let entries = plural(removed, "directory entry");
            let after = millis(done_ms);
            let text = format!("{entries} removed {after} after its last response");
            (Severity::Warning, text)
        }
    };
    let place = FindingPlace::Node(node.name.clone());
    Finding::new(severity, format!("{} is dead; {progress}", node.name), place)
}

fn check_live(node: &NodeStatus, rates: &Rates) -> Option<Finding> {
    let name = &node.name;
    let text = if let Some(error) = &node.load.redis_trouble {
        format!("{name} has trouble with Redis: {error}")
    } else if !node.load.redis {
        format!("{name} does not reach Redis")
    } else if node.load.rebuilding {
        format!("{name} is rebuilding its part of the directory")
    } else if rates.loss() >= LOSSY_SHARE {
        format!("the link of {name} loses {} of its packets", percent(rates.loss()))
    } else {
        return None;
    };
    Some(Finding::new(Severity::Warning, text, FindingPlace::Node(name.clone())))
}
