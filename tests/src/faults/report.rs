//! Says what came of a run.

use std::{collections::BTreeMap, fmt};

use super::{check::Demand, run::Verdict};

/// How many violations of one demand are told in full.
const TOLD_MAX: usize = 5;

/// A run in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Connections that were welcomed.
    pub sessions: usize,
    /// Sends.
    pub sends: usize,
    /// Messages that were read.
    pub received: usize,
    /// How often each outcome was told.
    pub outcomes: BTreeMap<String, usize>,
    /// Sends whose session ended before their receipt.
    pub unreported: usize,
}

impl Figures {
    /// Counts a run.
    pub fn of(verdict: &Verdict) -> Self {
        let mut figures = Self::default();
        for session in &verdict.history.sessions {
            figures.sessions += usize::from(session.welcomed.is_some());
            figures.sends += session.sent.len();
            figures.received += session.got.len();
            for sent in &session.sent {
                match sent.told.first() {
                    Some(told) => *figures.outcomes.entry(told.outcome.clone()).or_default() += 1,
                    None => figures.unreported += 1,
                }
            }
        }
        figures
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, sends, received, outcomes, unreported } = self;
        write!(f, "{sessions} sessions, {sends} sends, {received} received;")?;
        for (outcome, count) in outcomes {
            write!(f, " {count} {outcome},")?;
        }
        write!(f, " {unreported} untold")
    }
}

/// The verdict of a run as a table.
#[derive(Debug)]
pub struct Table<'a>(pub &'a Verdict);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(verdict) = self;
        writeln!(f, "{}", Figures::of(verdict))?;
        writeln!(f, "whole again {:.1} s after the last fault", verdict.settled.as_secs_f64())?;
        for demand in Demand::ALL {
            let violations = verdict.violations.iter().filter(|found| found.demand == demand);
            let violations: Vec<_> = violations.collect();
            let word = match violations.len() {
                0 => "kept".to_owned(),
                count => format!("VIOLATED {count} times"),
            };
            writeln!(f, "  {demand:36} {word}")?;
            for violation in violations.iter().take(TOLD_MAX) {
                writeln!(f, "      {}", violation.text)?;
            }
        }
        Ok(())
    }
}
