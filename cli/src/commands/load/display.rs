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
    counts: LoadCounts,
    terminal: bool,
}

impl LoadDisplay {
    pub(super) fn new(users: u32) -> Self {
        let terminal = stdout().is_terminal();
        Self { users, reports: 0, counts: LoadCounts::default(), terminal }
    }

    /// Shows a report.
    pub(super) fn show(&mut self, report: &LoadReport) {
        let line = self.line(report);
        (self.counts, self.reports) = (report.counts, self.reports + 1);
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

    /// Shows the totals: what was sent is the sum of what became of it.
    pub(super) fn sum_up(&self, counts: &LoadCounts) {
        if self.terminal && self.reports > 0 {
            tell("");
        }
        let waiting = ("no outcome yet", counts.waiting());
        let others = counts.ended().skip(1).chain([waiting]).filter(|(_, count)| *count > 0);
        let delivered = counts.ended().take(1);
        let terms = delivered.chain(others).map(|(label, count)| labelled(label, count));
        let sum = terms.collect::<Vec<_>>().join(" + ");
        tell(format_args!("  {} = {sum}", labelled("sent", counts.sent)));
        let order = labelled("out of order", counts.out_of_order);
        tell(format_args!("  {}  {order}", labelled("arrived", counts.arrived)));
    }
}

/// What went wrong so far.
fn failures(counts: &LoadCounts) -> String {
    let order = ("out of order", counts.out_of_order);
    let failed = counts.ended().skip(1).chain([order]).filter(|(_, count)| *count > 0);
    failed.map(|(label, count)| labelled(label, count)).collect::<Vec<_>>().join("  ")
}

fn labelled(label: &str, value: impl Display) -> String {
    format!("{} {}", Painted(DIM, label), Painted(BOLD, value))
}
