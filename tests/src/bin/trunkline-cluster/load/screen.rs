//! How it goes: one line that is drawn again and again, or a line now and then without a terminal.

use std::{
    fmt::Display,
    io::{IsTerminal, stdout},
};

use trunkline_tests::load::Counts;

use super::crowd::Look;
use crate::style::{BAD, BOLD, DIM, GOOD, Painted, tell, tell_anew};

/// Without a terminal, so many looks make a line: one in five seconds.
const LOOKS_A_LINE: u32 = 10;

/// What stands on the screen.
#[derive(Debug)]
pub(super) struct Screen {
    users: u32,
    looks: u32,
    seconds: f64,
    counts: Counts,
    terminal: bool,
}

impl Screen {
    pub(super) fn new(users: u32) -> Self {
        let terminal = stdout().is_terminal();
        Self { users, looks: 0, seconds: 0.0, counts: Counts::default(), terminal }
    }

    /// Shows what there is to see now.
    pub(super) fn show(&mut self, look: &Look) {
        let added = look.counts.since(&self.counts);
        (self.counts, self.looks) = (look.counts, self.looks + 1);
        self.seconds += look.seconds;
        let line = self.line(look, &added);
        if self.terminal {
            tell_anew(format_args!("  {line}"));
        } else if self.looks % LOOKS_A_LINE == 1 {
            tell(format_args!("  {line}"));
        }
    }

    fn line(&self, look: &Look, added: &Counts) -> String {
        let all = look.welcome == self.users as usize;
        let users = format!("{}/{} users", look.welcome, self.users);
        let users = Painted(if all { GOOD } else { BAD }, users);
        let rate = |count: u64| format!("{:.0}/s", count as f64 / look.seconds);
        let [p50, p99] = look
            .latency_ms
            .map_or(["-"; 2].map(str::to_owned), |latency| latency.map(|ms| format!("{ms:.1}")));
        let sent = labelled("sent", rate(added.sent));
        let arrived = labelled("arrived", rate(added.arrived));
        let latency = labelled("p50/p99 ms", format!("{p50}/{p99}"));
        format!("{users}  {sent}  {arrived}  {latency}  {}", ill(&look.counts))
    }

    /// Says what it came to.
    pub(super) fn sum_up(&self) {
        if self.terminal && self.looks > 0 {
            tell("");
        }
        let Counts { sent, arrived, .. } = self.counts;
        let rate = if self.seconds > 0.0 { arrived as f64 / self.seconds } else { 0.0 };
        tell(format_args!(
            "  {} {}  {}  {}",
            labelled("sent", sent),
            labelled("arrived", arrived),
            labelled("a second", format!("{rate:.0}")),
            ill(&self.counts)
        ));
    }
}

/// What did not go well, of all messages so far.
fn ill(counts: &Counts) -> String {
    let Counts { refused, unconfirmed, repeated, disordered, .. } = *counts;
    let parts = [
        ("not delivered", refused),
        ("unconfirmed", unconfirmed),
        ("repeated", repeated),
        ("out of order", disordered),
    ];
    let parts = parts.into_iter().filter(|(label, count)| *count > 0 || *label == "not delivered");
    parts.map(|(label, count)| labelled(label, count)).collect::<Vec<_>>().join("  ")
}

fn labelled(label: &str, value: impl Display) -> String {
    format!("{} {}", Painted(DIM, label), Painted(BOLD, value))
}
