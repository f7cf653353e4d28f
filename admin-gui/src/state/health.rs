use trunkline_protocol::{
    control::MemberState,
    status::{NodeStatus, RedisState},
};

use super::{
    counters::{Counter, Rates},
    picture::Picture,
};
use crate::format::{millis, percent, plural, rate, since};

/// From this share of its capacity on, a cluster or a node is called nearly full.
const NEARLY_FULL: f64 = 0.95;

/// From this share of lost packets on, a link is called lossy.
const LOSSY: f64 = 0.02;

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Good,
    /// Worth knowing; nobody is hurt.
    Note,
    /// Someone may be hurt soon.
    Warning,
    /// Someone is hurt.
    Bad,
}

/// Something that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is, in a sentence.
    pub text: String,
}

/// The answer to "is it well?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is not as it should be, the worst first.
    pub findings: Vec<Finding>,
}

impl Health {
    /// Judges a picture.
    pub fn of(picture: &Picture) -> Self {
        let mut findings = Vec::new();
        judge_redis(picture, &mut findings);
        for (node, rates) in picture.nodes() {
            findings.extend(judge_node(node, rates));
        }
        judge_outcomes(&picture.total, &mut findings);
        judge_seats(picture, &mut findings);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self { findings }
    }

    /// The worst of it.
    pub fn severity(&self) -> Severity {
        self.findings.first().map_or(Severity::Good, |finding| finding.severity)
    }

    /// The answer in a word or two.
    pub fn word(&self) -> &'static str {
        match self.severity() {
            Severity::Good | Severity::Note => "Well",
            Severity::Warning => "Watch",
            Severity::Bad => "Not well",
        }
    }
}

fn judge_redis(picture: &Picture, findings: &mut Vec<Finding>) {
    let relay = &picture.snapshot.relay;
    let text = match (relay.redis, &relay.redis_trouble) {
        (RedisState::Up, None) => return,
        (RedisState::Up, Some(trouble)) => format!("the relay has trouble with Redis: {trouble}"),
        (RedisState::Away { since_ms }, trouble) => {
            let time = since(since_ms, picture.snapshot.at_ms);
            let cause = trouble.as_ref().map_or(String::new(), |trouble| format!(" ({trouble})"));
            format!(
                "Redis has not answered the relay for {time}{cause}: sessions go on, logins wait, \
                 verdicts are carried out later"
            )
        }
    };
    findings.push(Finding { severity: Severity::Bad, text });
}

/// What is not as it should be about a node, the worst of it.
pub(crate) fn judge_node(node: &NodeStatus, rates: &Rates) -> Option<Finding> {
    let name = &node.name;
    let (severity, text) = match node.state {
        MemberState::Dead => return Some(judge_dead(node)),
        MemberState::Left => return None,
        MemberState::Suspect => {
            let silent = millis(node.silent_ms);
            (Severity::Warning, format!("{name} is suspect: silent for {silent}"))
        }
        MemberState::Joining => {
            (Severity::Note, format!("{name} is in the directory and has no link yet"))
        }
        MemberState::Draining => {
            let sessions = plural(node.load.sessions.into(), "session");
            (Severity::Note, format!("{name} is draining: {sessions} left"))
        }
        MemberState::Live => return judge_live(node, rates),
    };
    Some(Finding { severity, text })
}

fn judge_dead(node: &NodeStatus) -> Finding {
    let name = &node.name;
    let (severity, text) = match &node.purge {
        Some(purge) => match purge.done_ms {
            Some(done_ms) => {
                let users = plural(purge.removed, "user");
                let done = millis(done_ms);
                (Severity::Warning, format!("{name} is dead; its {users} were removed in {done}"))
            }
            None => (Severity::Bad, format!("{name} is dead; its users are being removed")),
        },
        None => (Severity::Bad, format!("{name} is dead; its users are not removed yet")),
    };
    Finding { severity, text }
}

fn judge_live(node: &NodeStatus, rates: &Rates) -> Option<Finding> {
    let name = &node.name;
    let (severity, text) = if let Some(trouble) = &node.load.redis_trouble {
        (Severity::Warning, format!("{name} has trouble with Redis: {trouble}"))
    } else if !node.load.redis {
        (Severity::Warning, format!("{name} does not reach Redis"))
    } else if node.load.rebuilding {
        (Severity::Warning, format!("{name} is rebuilding its part of the directory"))
    } else if rates.loss() >= LOSSY {
        let loss = percent(rates.loss());
        (Severity::Warning, format!("the link of {name} loses {loss} of its packets"))
    } else {
        return None;
    };
    Some(Finding { severity, text })
}

fn judge_outcomes(total: &Rates, findings: &mut Vec<Finding>) {
    let words = [
        (Counter::Busy, "busy: a bounded queue is full"),
        (Counter::Unreachable, "unreachable: a node cannot be reached"),
        (Counter::Unconfirmed, "unconfirmed: handed over, and no answer came"),
    ];
    for (counter, word) in words {
        if total[counter] > 0.0 {
            let text = format!("{} sends/s end {word}", rate(total[counter]));
            findings.push(Finding { severity: Severity::Warning, text });
        }
    }
}

fn judge_seats(picture: &Picture, findings: &mut Vec<Finding>) {
    let (sessions, capacity) = picture.seats();
    if picture.present().count() == 0 {
        let text = "no node is there: nobody can log in".into();
        findings.push(Finding { severity: Severity::Bad, text });
    } else if sessions as f64 >= capacity as f64 * NEARLY_FULL {
        let free = plural(capacity.saturating_sub(sessions), "seat");
        let text = format!("the cluster is nearly full: {free} left");
        findings.push(Finding { severity: Severity::Warning, text });
    }
}
