//! Lines for a pipe: each event, and the table of each snapshot.

use std::io;

use trunkline_protocol::status::{ClusterEvent, Snapshot};

use super::{events, table};
use crate::terminal::print;

/// What was printed last.
#[derive(Debug, Default)]
pub(super) struct StatusLines {
    last: Option<Snapshot>,
}

impl StatusLines {
    /// Prints a newer snapshot.
    pub(super) fn snapshot(&mut self, snapshot: Snapshot) -> io::Result<()> {
        let lines = table::lines(&snapshot, self.last.as_ref());
        self.last = Some(snapshot);
        lines.iter().try_for_each(print)
    }

    /// Prints an event.
    pub(super) fn event(event: &ClusterEvent) -> io::Result<()> {
        print(events::line(event))
    }
}
