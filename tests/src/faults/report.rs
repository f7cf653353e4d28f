//! What came of a run, as text.

use std::{collections::BTreeMap, fmt};

use super::{check::Guarantee, run::RunResult};

/// How many violations of one guarantee are printed in full.
const PRINTED_MAX: usize = 5;

/// The counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Connections that logged in.
    pub sessions: usize,
    /// Sends.
    pub sends: usize,
    /// Messages that were read.
    pub received: usize,
    /// How often each outcome was reported.
    pub outcomes: BTreeMap<String, usize>,
    /// Sends whose session ended before their receipt.
    pub unreported: usize,
}

impl RunCounts {
    /// Counts a run.
    pub fn of(verdict: &RunResult) -> Self {
        let mut counts = Self::default();
        for session in &verdict.history.sessions {
            counts.sessions += usize::from(session.welcomed.is_some());
            counts.sends += session.sent.len();
            counts.received += session.received.len();
            for sent in &session.sent {
                match sent.receipts.first() {
                    Some(receipt) => {
                        *counts.outcomes.entry(receipt.outcome.clone()).or_default() += 1
                    }
                    None => counts.unreported += 1,
                }
            }
        }
        counts
    }
}

impl fmt::Display for RunCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, sends, received, outcomes, unreported } = self;
        write!(f, "{sessions} sessions, {sends} sends, {received} received;")?;
        for (outcome, count) in outcomes {
            write!(f, " {count} {outcome},")?;
        }
        write!(f, " {unreported} unreported")
    }
}

/// The result of a run as a table.
#[derive(Debug)]
pub struct ResultTable<'a>(pub &'a RunResult);

impl fmt::Display for ResultTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(verdict) = self;
        writeln!(f, "{}", RunCounts::of(verdict))?;
        writeln!(
            f,
            "converged {:.1} s after the last fault",
            verdict.converged_after.as_secs_f64()
        )?;
        for guarantee in Guarantee::ALL {
            let violations = verdict.violations.iter().filter(|found| found.guarantee == guarantee);
            let violations: Vec<_> = violations.collect();
            let word = match violations.len() {
                0 => "held".to_owned(),
                count => format!("VIOLATED {count} times"),
            };
            writeln!(f, "  {guarantee:36} {word}")?;
            for violation in violations.iter().take(PRINTED_MAX) {
                writeln!(f, "      {}", violation.text)?;
            }
        }
        Ok(())
    }
}
