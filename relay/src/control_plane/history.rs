//! The lines of the past hour, ready to be sent, for status streams that begin later.

use std::{collections::VecDeque, sync::Arc};

use crate::defaults::{
    EVENTS_KEPT, EVENTS_MAX, HISTORY_BYTES_MAX, RECENT_MAX, SPARSE_EACH, SPARSE_MAX,
};

/// All snapshots of the last minutes, some of the last hour, and the events of that hour.
#[derive(Debug, Default)]
pub(super) struct StatusHistory {
    sparse: VecDeque<HistoryLine>,
    recent: VecDeque<HistoryLine>,
    events: VecDeque<HistoryLine>,
    /// The bytes of all lines.
    bytes: usize,
    /// Snapshots that are no longer recent.
    aged: u64,
}

#[derive(Clone, Debug)]
struct HistoryLine {
    at_ms: u64,
    line: Arc<str>,
}

impl StatusHistory {
    /// Adds a snapshot.
    pub(super) fn snapshot(&mut self, at_ms: u64, line: Arc<str>) {
        self.bytes += line.len();
        self.recent.push_back(HistoryLine { at_ms, line });
        if self.recent.len() > RECENT_MAX {
            self.age();
        }
        self.shrink();
    }

    /// Adds an event.
    pub(super) fn event(&mut self, at_ms: u64, line: Arc<str>) {
        self.bytes += line.len();
        self.events.push_back(HistoryLine { at_ms, line });
        let kept_ms = EVENTS_KEPT.as_millis() as u64;
        let is_old = |events: &VecDeque<HistoryLine>| {
            let oldest = events.front().map_or(at_ms, |event| event.at_ms);
            events.len() > EVENTS_MAX || oldest + kept_ms < at_ms
        };
        while is_old(&self.events) {
            drop_oldest(&mut self.events, &mut self.bytes);
        }
        self.shrink();
    }

    /// All lines, oldest first.
    pub(super) fn replay(&self) -> Vec<Arc<str>> {
        let mut all: Vec<_> = self.sparse.iter().chain(&self.recent).chain(&self.events).collect();
        all.sort_by_key(|line| line.at_ms);
        all.into_iter().map(|line| line.line.clone()).collect()
    }

    /// Moves the oldest recent snapshot to the sparse ones, or drops it.
    fn age(&mut self) {
        let Some(oldest) = self.recent.pop_front() else { return };
        self.aged += 1;
        if self.aged.is_multiple_of(SPARSE_EACH) {
            self.sparse.push_back(oldest);
            if self.sparse.len() > SPARSE_MAX {
                drop_oldest(&mut self.sparse, &mut self.bytes);
            }
        } else {
            self.bytes -= oldest.line.len();
        }
    }

    fn shrink(&mut self) {
        while self.bytes > HISTORY_BYTES_MAX {
            // Old snapshots say least, and events most for their size.
            let by_value = [&mut self.sparse, &mut self.recent, &mut self.events];
            let Some(lines) = by_value.into_iter().find(|lines| !lines.is_empty()) else { return };
            drop_oldest(lines, &mut self.bytes);
        }
    }
}

fn drop_oldest(lines: &mut VecDeque<HistoryLine>, bytes: &mut usize) {
    if let Some(oldest) = lines.pop_front() {
        *bytes -= oldest.line.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(history: &StatusHistory) -> Vec<u64> {
        history.replay().iter().map(|line| line.parse::<u64>().unwrap() / 1_000).collect()
    }

    fn filled(snapshots: u64) -> StatusHistory {
        let mut history = StatusHistory::default();
        for second in 1..=snapshots {
            history.snapshot(second * 1_000, (second * 1_000).to_string().into());
        }
        history
    }

    #[test]
    fn last_minutes_are_complete_and_hour_before_is_sparse() {
        let all = seconds(&filled(1_000));
        assert_eq!(all.len(), 70 + RECENT_MAX);
        assert_eq!(all[..3], [10, 20, 30]);
        assert_eq!(all[70..73], [701, 702, 703]);
        assert_eq!(all.last(), Some(&1_000));
        assert_eq!(seconds(&filled(20_000)).len(), SPARSE_MAX + RECENT_MAX);
    }

    #[test]
    fn events_are_replayed_in_order_and_expire() {
        let mut history = filled(3);
        history.event(1_500, "1500".into());
        assert_eq!(seconds(&history), [1, 1, 2, 3]);
        for number in 0..2 * EVENTS_MAX {
            history.event(2_000, number.to_string().into());
        }
        assert_eq!(history.events.len(), EVENTS_MAX);
        history.event(2_001 + EVENTS_KEPT.as_millis() as u64, "0".into());
        assert_eq!(history.events.len(), 1);
    }

    #[test]
    fn bytes_are_bounded() {
        let mut history = StatusHistory::default();
        let line: Arc<str> = "x".repeat(1024 * 1024).into();
        for second in 0..500 {
            history.snapshot(second, line.clone());
            history.event(second, "an event".into());
            assert!(history.bytes <= HISTORY_BYTES_MAX);
        }
        let lines = history.replay();
        assert_eq!(history.bytes, lines.iter().map(|line| line.len()).sum::<usize>());
        assert!(history.events.len() == 500);
    }
}
