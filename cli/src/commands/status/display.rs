//! Events scroll; in a terminal, the table stays below them.

use std::io::{self, IsTerminal, Write as _, stdout};

use trunkline_protocol::status::{ClusterEvent, Snapshot};

use super::{events, table};
use crate::terminal::print;

/// What is on the terminal.
#[derive(Debug, Default)]
pub(super) struct StatusDisplay {
    last: Option<Snapshot>,
    table: Vec<String>,
    shown_lines: usize,
}

impl StatusDisplay {
    /// Shows a newer snapshot.
    pub(super) fn snapshot(&mut self, snapshot: Snapshot) -> io::Result<()> {
        self.table = table::lines(&snapshot, self.last.as_ref());
        self.last = Some(snapshot);
        self.clear()?;
        self.draw()
    }

    /// Shows an event.
    pub(super) fn event(&mut self, event: &ClusterEvent) -> io::Result<()> {
        self.clear()?;
        print(events::line(event))?;
        if stdout().is_terminal() { self.draw() } else { Ok(()) }
    }

    fn draw(&mut self) -> io::Result<()> {
        self.table.iter().try_for_each(print)?;
        self.shown_lines = self.table.len();
        Ok(())
    }

    /// Removes the table from the terminal.
    fn clear(&mut self) -> io::Result<()> {
        if stdout().is_terminal() && self.shown_lines > 0 {
            write!(stdout(), "\x1b[{}A\x1b[J", self.shown_lines)?;
            self.shown_lines = 0;
        }
        Ok(())
    }
}
