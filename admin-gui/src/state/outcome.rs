use trunkline_protocol::{
    Name, Outcome, User,
    lane::ReceiptStatus,
    status::{Trace, TraceEvent},
};

use super::finding::Severity;
use crate::escape;

/// Stands in for a reason that lies on a hop which the trace has lost.
const NO_REASON: &str = "the trace lacks the hop that shows why";

/// A test message that the operator has sent.
#[derive(Clone, Debug)]
pub struct DeliveryTest {
    /// The command's id.
    pub id: u64,
    /// The recipient.
    pub user: User,
    /// The trace, or why the relay refused; `None` until the relay answers.
    pub trace: Option<Result<Trace, String>>,
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

/// Why a message had its outcome, in a sentence.
pub(crate) fn outcome_reason(user: &User, trace: &Trace) -> String {
    let user = &*escape::text(user.as_str());
    let hops = || trace.hops.iter().rev();
    let reason = match trace.outcome {
        Outcome::Delivered => {
            let taken = hops().find(|hop| is_taken(&hop.what));
            let at = taken.map_or(String::new(), |hop| format!(" on {}", hop.at));
            Some(format!("the socket of {user}{at} took every byte"))
        }
        Outcome::Unconfirmed => hops().find_map(|hop| last_position(&hop.at, &hop.what, user)),
        _ => hops().find_map(|hop| obstacle(&hop.at, &hop.what, user)),
    };
    reason.unwrap_or_else(|| NO_REASON.into())
}

fn is_taken(event: &TraceEvent) -> bool {
    matches!(event, TraceEvent::Answered { status: ReceiptStatus::Taken, .. })
}

/// What prevented the delivery, if this hop shows it.
fn obstacle(at: &Name, event: &TraceEvent, user: &str) -> Option<String> {
    Some(match event {
        TraceEvent::Found { nodes } if nodes.is_empty() => {
            format!("the directory has no session of {user}")
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

/// How far an unconfirmed message came, if this hop shows it.
fn last_position(at: &Name, event: &TraceEvent, user: &str) -> Option<String> {
    Some(match event {
        TraceEvent::Answered { .. } => {
            format!("{at} answered, and the receipt did not come back in time")
        }
        TraceEvent::Arrived { .. } => {
            format!("it waits on {at} for the socket of {user}, which takes nothing")
        }
        TraceEvent::Passed { to, .. } => format!("the relay forwarded it to {to}, which is silent"),
        TraceEvent::Batched { .. } => format!("{at} sent it on its link, where it was lost"),
        _ => return None,
    })
}
