//! Events scroll; in a terminal, the table stays below them.

use std::io::{IsTerminal, stdout};

use trunkline_protocol::status::{Event, Snapshot};

use super::{events, table};

/// What stands on the screen.
#[derive(Debug, Default)]
pub(super) struct Screen {
    last: Option<Snapshot>,
    table: Vec<String>,
    shown_lines: usize,
}

impl Screen {
    /// Shows a newer snapshot.
    pub(super) fn snapshot(&mut self, snapshot: Snapshot) {
        self.table = table::lines(&snapshot, self.last.as_ref());
        self.last = Some(snapshot);
        self.clear();
        self.draw();
    }

    /// Shows an event.
    pub(super) fn event(&mut self, event: &Event) {
        self.clear();
        anstream::println!("{}", events::line(event));
        if stdout().is_terminal() {
            self.draw();
        }
    }

    fn draw(&mut self) {
        for line in &self.table {
            anstream::println!("{line}");
        }
        self.shown_lines = self.table.len();
    }

    /// Takes the table away again, where that is possible.
    fn clear(&mut self) {
        if stdout().is_terminal() && self.shown_lines > 0 {
            print!("\x1b[{}A\x1b[J", self.shown_lines);
            self.shown_lines = 0;
        }
    }
}
