//! One line that is updated in place, or a line every few seconds without a terminal.

use std::{
    fmt::Display,
    io::{IsTerminal, stdout},
};

use super::tally::{LoadCounts, LoadReport};
use crate::terminal::{BAD, BOLD, DIM, GOOD, Painted, replace_line, tell};

/// Without a terminal, one report of this many makes a line.
const REPORTS_A_LINE: u32 = 10;

/// What is on the terminal.
#[derive(Debug)]
pub(super) struct LoadDisplay {
    users: u32,
    reports: u32,
    seconds: f64,
    counts: LoadCounts,
    terminal: bool,
}

impl LoadDisplay {
    pub(super) fn new(users: u32) -> Self {
        let terminal = stdout().is_terminal();
        Self { users, reports: 0, seconds: 0.0, counts: LoadCounts::default(), terminal }
    }

    /// Shows a report.
    pub(super) fn show(&mut self, report: &LoadReport) {
        let line = self.line(report);
        (self.counts, self.reports) = (report.counts, self.reports + 1);
        self.seconds += report.seconds;
        if self.terminal {
            replace_line(format_args!("  {line}"));
        } else if self.reports % REPORTS_A_LINE == 1 {
            tell(format_args!("  {line}"));
        }
    }

    fn line(&self, report: &LoadReport) -> String {
        let all = report.online == self.users as usize;
        let users = format!("{}/{} users", report.online, self.users);
        let users = Painted(if all { GOOD } else { BAD }, users);
        let rate =
            |now: u64, before: u64| format!("{:.0}/s", (now - before) as f64 / report.seconds);
        let [p50, p99] = report
            .latency_ms
            .map_or(["-"; 2].map(str::to_owned), |latency| latency.map(|ms| format!("{ms:.1}")));
        let sent = labelled("sent", rate(report.counts.sent, self.counts.sent));
        let arrived = labelled("arrived", rate(report.counts.arrived, self.counts.arrived));
        let latency = labelled("p50/p99 ms", format!("{p50}/{p99}"));
        format!("{users}  {sent}  {arrived}  {latency}  {}", failures(&report.counts))
    }

    /// Shows the totals.
    pub(super) fn sum_up(&self) {
        if self.terminal && self.reports > 0 {
            tell("");
        }
        let LoadCounts { sent, arrived, .. } = self.counts;
        let rate = if self.seconds > 0.0 { arrived as f64 / self.seconds } else { 0.0 };
        tell(format_args!(
            "  {} {}  {}  {}",
            labelled("sent", sent),
            labelled("arrived", arrived),
            labelled("a second", format!("{rate:.0}")),
            failures(&self.counts)
        ));
    }
}

/// What went wrong so far. The first count is always shown.
fn failures(counts: &LoadCounts) -> String {
    let LoadCounts { not_delivered, unconfirmed, out_of_order, .. } = *counts;
    let mut text = labelled("not delivered", not_delivered);
    for (label, count) in [("unconfirmed", unconfirmed), ("out of order", out_of_order)] {
        if count > 0 {
            text += &format!("  {}", labelled(label, count));
        }
    }
    text
}

fn labelled(label: &str, value: impl Display) -> String {
    format!("{} {}", Painted(DIM, label), Painted(BOLD, value))
}
