use trunkline_protocol::{
    Name, Outcome, User,
    lane::Verdict,
    status::{Walk, What},
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
    pub walk: Option<Result<Walk, String>>,
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
pub(crate) fn reason(user: &User, walk: &Walk) -> String {
    let user = &*visible::text(user.as_str());
    let steps = || walk.steps.iter().rev();
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

fn is_taken(what: &What) -> bool {
    matches!(what, What::Answered { verdict: Verdict::Taken, .. })
}

/// What stood in the way, if this step says so.
fn obstacle(at: &Name, what: &What, user: &str) -> Option<String> {
    Some(match what {
        What::Found { nodes } if nodes.is_empty() => {
            format!("the directory knows no session of {user}")
        }
        What::NotAnswered => format!("the directory did not answer {at}: is Redis away?"),
        What::NoLink { .. } => format!("{at} has no link to the relay"),
        What::LaneFull { .. } => format!("the lane from {at} to the relay is full"),
        What::TurnedBack { to, full: true } => format!("the relay's lane to {to} is full"),
        What::TurnedBack { to, full: false } => format!("the relay has no link to {to}"),
        What::Answered { verdict: Verdict::Full, .. } => {
            format!("the queue of every session of {user} on {at} is full: a slow reader")
        }
        What::Answered { verdict: Verdict::NotHere, .. } => {
            format!("{at} has no session of {user} any more, though the directory named it")
        }
        _ => return None,
    })
}

/// Where the trail of a message ends that nobody answered for.
fn unanswered(walk: &Walk, user: &str) -> String {
    let last = walk.steps.iter().rev().find_map(|step| {
        Some(match &step.what {
            What::Answered { .. } => {
                format!("{} answered, and the receipt did not come back in time", step.at)
            }
            What::Arrived { .. } => {
                format!("it waits on {} for the socket of {user}, which takes nothing", step.at)
            }
            What::Passed { to, .. } => format!("the relay passed it on to {to}, which is silent"),
            What::Batched { .. } => format!("{} handed it to its link, and it is lost", step.at),
            _ => return None,
        })
    });
    last.unwrap_or_else(|| "the steps that would tell why are missing".into())
}
