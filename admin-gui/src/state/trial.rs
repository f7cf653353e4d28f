use trunkline_protocol::{
    Name, Outcome, User,
    lane::ReceiptStatus,
    status::{Trace, TraceEvent},
};

use super::health::Severity;
use crate::visible;

/// A test message that the operator has sent.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The command's id.
    pub id: u64,
    /// To whom.
    pub user: User,
    /// How it went, or why the relay refused; `None` as long as it is under way.
    pub walk: Option<Result<Trace, String>>,
}

/// How much an outcome matters.
pub(crate) fn outcome_severity(outcome: Outcome) -> Severity {
    match outcome {
        Outcome::Delivered => Severity::Good,
        Outcome::Offline => Severity::Note,
        Outcome::Busy | Outcome::Unconfirmed => Severity::Warning,
        Outcome::Unreachable => Severity::Bad,
    }
}

/// Why a walk ended as it did, in a sentence.
pub(crate) fn reason(user: &User, walk: &Trace) -> String {
    let user = &*visible::text(user.as_str());
    let steps = || walk.hops.iter().rev();
    let told = steps().find_map(|step| obstacle(&step.at, &step.what, user));
    match walk.outcome {
        Outcome::Delivered => {
            let taken = steps().find(|step| is_taken(&step.what));
            let at = taken.map_or(String::new(), |step| format!(" on {}", step.at));
            format!("the socket of {user}{at} took every byte")
        }
        Outcome::Unconfirmed => unanswered(walk, user),
        _ => told.unwrap_or_else(|| "the steps that would tell why are missing".into()),
    }
}

fn is_taken(what: &TraceEvent) -> bool {
    matches!(what, TraceEvent::Answered { status: ReceiptStatus::Taken, .. })
}

/// What stood in the way, if this step says so.
fn obstacle(at: &Name, what: &TraceEvent, user: &str) -> Option<String> {
    Some(match what {
        TraceEvent::Found { nodes } if nodes.is_empty() => {
            format!("the directory knows no session of {user}")
        }
        TraceEvent::NotAnswered => format!("the directory did not answer {at}: is Redis away?"),
        TraceEvent::NoLink { .. } => format!("{at} has no link to the relay"),
        TraceEvent::LaneFull { .. } => format!("the lane from {at} to the relay is full"),
        TraceEvent::Rejected { to, full: true } => format!("the relay's lane to {to} is full"),
        TraceEvent::Rejected { to, full: false } => format!("the relay has no link to {to}"),
        TraceEvent::Answered { status: ReceiptStatus::Full, .. } => {
            format!("the queue of every session of {user} on {at} is full: a slow reader")
        }
        TraceEvent::Answered { status: ReceiptStatus::NotHere, .. } => {
            format!("{at} has no session of {user} any more, though the directory named it")
        }
        _ => return None,
    })
}

/// Where the trail of a message ends that nobody answered for.
fn unanswered(walk: &Trace, user: &str) -> String {
    let last = walk.hops.iter().rev().find_map(|step| {
        Some(match &step.what {
            TraceEvent::Answered { .. } => {
                format!("{} answered, and the receipt did not come back in time", step.at)
            }
            TraceEvent::Arrived { .. } => {
                format!("it waits on {} for the socket of {user}, which takes nothing", step.at)
            }
            TraceEvent::Passed { to, .. } => {
                format!("the relay passed it on to {to}, which is silent")
            }
            TraceEvent::Batched { .. } => {
                format!("{} handed it to its link, and it is lost", step.at)
            }
            _ => return None,
        })
    });
    last.unwrap_or_else(|| "the steps that would tell why are missing".into())
}
