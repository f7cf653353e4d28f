//! The whole terminal: nodes, outcomes and the latest events, redrawn in place.

use std::{
    cmp::Reverse,
    collections::VecDeque,
    io::{self, Write as _, stdout},
    time::Instant,
};

use crossterm::{
    cursor::{Hide, MoveTo, Show},
    event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    execute, queue,
    terminal::{
        Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen,
        LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
    },
};
use futures_util::StreamExt;
use trunkline_protocol::{
    control::MemberState,
    status::{ClusterEvent, NodeStatus, Snapshot},
};

use super::{events, table};
use crate::{
    defaults::STATUS_EVENTS_MAX,
    terminal::{BAD, BOLD, DIM, Painted, styled},
};

/// What each key does.
const KEYS: &str = "q quit   s sort   f problems only   ? keys";

/// The same in sentences.
const HELP: [&str; 5] = [
    "q        quit, as Ctrl-C does",
    "s        sort by name, by sessions, or by sends",
    "f        show only nodes that are not live, or have trouble with Redis",
    "?        show or hide these keys",
    "Rates and p99 cover the time between two snapshots.",
];

/// The order of the nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SortBy {
    #[default]
    Name,
    Sessions,
    Sends,
}

/// What is shown, and how.
#[derive(Debug, Default)]
pub(super) struct StatusScreen {
    now: Option<Snapshot>,
    before: Option<Snapshot>,
    events: VecDeque<ClusterEvent>,
    /// Why the stream ended, and when: what is shown is from before.
    lost: Option<(String, Instant)>,
    sort: SortBy,
    problems_only: bool,
    has_help: bool,
}

/// The terminal while it shows the screen. Dropping it gives the terminal back.
pub(super) struct FullScreen {
    keys: EventStream,
}

impl FullScreen {
    /// Takes the terminal over.
    pub(super) fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        let screen = Self { keys: EventStream::new() };
        execute!(stdout(), EnterAlternateScreen, DisableLineWrap, Hide)?;
        Ok(screen)
    }

    /// The next key, or a change of the size. Cancel-safe.
    pub(super) async fn next_event(&mut self) -> io::Result<Event> {
        self.keys.next().await.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        let _ = execute!(stdout(), Show, EnableLineWrap, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

impl StatusScreen {
    /// Takes in a newer snapshot.
    pub(super) fn snapshot(&mut self, snapshot: Snapshot) {
        self.before = self.now.replace(snapshot);
        self.lost = None;
    }

    /// Takes in an event. A relay repeats its history on each new connection.
    pub(super) fn event(&mut self, event: ClusterEvent) {
        if self.events.contains(&event) {
            return;
        }
        self.events.push_back(event);
        if self.events.len() > STATUS_EVENTS_MAX {
            self.events.pop_front();
        }
    }

    /// The stream has ended, or could not be opened.
    pub(super) fn lost(&mut self, why: String) {
        let since = self.lost.take().map_or_else(Instant::now, |(_, since)| since);
        self.lost = Some((why, since));
    }

    /// Handles a key. Returns false if it ends the screen.
    pub(super) fn handle(&mut self, event: &Event) -> bool {
        let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event else {
            return true;
        };
        match code {
            KeyCode::Char('q') => return false,
            KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Char('s') => {
                self.sort = match self.sort {
                    SortBy::Name => SortBy::Sessions,
                    SortBy::Sessions => SortBy::Sends,
                    SortBy::Sends => SortBy::Name,
                };
            }
            KeyCode::Char('f') => self.problems_only = !self.problems_only,
            KeyCode::Char('?') => self.has_help = !self.has_help,
            _ => {}
        }
        true
    }

    /// Draws everything.
    pub(super) fn draw(&self) -> io::Result<()> {
        let (_, height) = size()?;
        let mut out = stdout().lock();
        for (row, line) in (0..).zip(self.lines(height.into())) {
            queue!(out, MoveTo(0, row))?;
            write!(out, "{}", styled(line))?;
            queue!(out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(out, Clear(ClearType::FromCursorDown))?;
        out.flush()
    }

    /// The lines that fit into the height. The nodes come first, the events get what is left.
    fn lines(&self, height: usize) -> Vec<String> {
        let mut lines: Vec<_> = self.lost.iter().map(lost_line).collect();
        match &self.now {
            Some(now) => {
                let shown = self.shown(now);
                lines.extend(table::lines(&shown, self.before.as_ref()));
                let hidden = now.nodes.len() - shown.nodes.len();
                if hidden > 0 {
                    lines.push(
                        Painted(DIM, format!("{hidden} nodes without a problem")).to_string(),
                    );
                }
                lines.extend([String::new(), table::outcomes_line(now, self.before.as_ref())]);
            }
            None => lines.push("waiting for the first snapshot".to_owned()),
        }
        lines.push(String::new());
        if self.has_help {
            lines.extend(HELP.map(str::to_owned));
        } else {
            lines.push(Painted(BOLD, "events, the latest first").to_string());
            lines.extend(self.events.iter().rev().map(events::line));
        }
        let last = height.saturating_sub(1);
        lines.truncate(last);
        lines.resize(last, String::new());
        lines.push(Painted(DIM, KEYS).to_string());
        lines
    }

    /// The snapshot with the nodes that are shown, in their order.
    fn shown(&self, now: &Snapshot) -> Snapshot {
        let mut shown = now.clone();
        shown.nodes.retain(|node| !self.problems_only || has_problem(node));
        match self.sort {
            SortBy::Name => {}
            SortBy::Sessions => shown.nodes.sort_by_key(|node| Reverse(node.load.sessions)),
            SortBy::Sends => shown.nodes.sort_by_key(|node| {
                let known = self.before.iter().flat_map(|before| &before.nodes);
                let mut known = known.filter(|known| known.incarnation == node.incarnation);
                let before = known.next().map_or(0, |known| known.load.accepted);
                Reverse(node.load.accepted.saturating_sub(before))
            }),
        }
        shown
    }
}

fn has_problem(node: &NodeStatus) -> bool {
    node.state != MemberState::Live || node.load.redis_trouble.is_some()
}

fn lost_line((why, since): &(String, Instant)) -> String {
    let seconds = since.elapsed().as_secs();
    Painted(BAD, format!("no data for {seconds} s, last known values: {why}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen() -> StatusScreen {
        let relay = serde_json::json!({
            "name": "relay-1", "software": "1", "started_at_ms": 0, "redis": "up",
            "forwarded": 0, "forwarded_bytes": 0, "refused_full": 0,
            "refused_gone": 0, "dropped": 0, "cpu_ms": 0, "memory_bytes": 0
        });
        let snapshot = serde_json::json!({ "at_ms": 0, "relay": relay, "nodes": [], "flows": [] });
        let mut screen = StatusScreen::default();
        screen.snapshot(serde_json::from_value(snapshot).unwrap());
        screen
    }

    fn press(screen: &mut StatusScreen, key: char) -> bool {
        screen.handle(&Event::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)))
    }

    #[test]
    fn lines_fill_the_height_and_end_with_the_keys() {
        for height in [2, 5, 40] {
            let lines = screen().lines(height);
            assert_eq!(lines.len(), height);
            assert!(lines[height - 1].contains(KEYS));
        }
    }

    #[test]
    fn keys_end_sort_filter_and_help() {
        let mut screen = screen();
        assert!(press(&mut screen, 's') && screen.sort == SortBy::Sessions);
        assert!(press(&mut screen, 'f') && screen.problems_only);
        assert!(press(&mut screen, '?'));
        assert!(screen.lines(40).iter().any(|line| line.contains(HELP[1])));
        assert!(!press(&mut screen, 'q'));
    }

    #[test]
    fn lost_stream_is_said_until_the_next_snapshot() {
        let mut screen = screen();
        screen.lost("the relay ended the status stream".to_owned());
        assert!(screen.lines(40)[0].contains("last known values: the relay ended"));
        let now = screen.now.clone().unwrap();
        screen.snapshot(now);
        assert!(!screen.lines(40)[0].contains("last known values"));
    }
}
