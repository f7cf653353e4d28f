use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::defaults::{LOG_REPEAT_EVERY, LOG_TROUBLES_MAX};

/// Keeps repeated trouble from flooding the log: the first occurrence is logged at once, and from
/// then on at most one line a minute, with the count of those that were not logged.
///
/// ```
/// # use trunkline_ops::LogThrottle;
/// # let error = std::io::Error::other("too many open files");
/// static THROTTLE: LogThrottle = LogThrottle::new();
/// if let Some(line) = THROTTLE.admit(&error.to_string()) {
///     tracing::warn!(%error, suppressed = line.suppressed, "cannot accept a connection");
/// }
/// ```
#[derive(Debug)]
pub struct LogThrottle {
    troubles: Mutex<Vec<Trouble>>,
}

/// An occurrence that is to be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// How often the same trouble occurred since its last line without being logged; `None` is
    /// never.
    pub suppressed: Option<u64>,
}

#[derive(Debug)]
struct Trouble {
    key: Key,
    logged: Instant,
    suppressed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// The hash of what was said.
    Known(u64),
    /// What exceeds [`LOG_TROUBLES_MAX`].
    Other,
}

impl LogThrottle {
    /// One that has admitted nothing yet.
    pub const fn new() -> Self {
        Self { troubles: Mutex::new(Vec::new()) }
    }

    /// Counts an occurrence of `trouble`, and returns whether to log it. Different texts are
    /// different troubles, so leave out what differs each time, such as a port.
    pub fn admit(&self, trouble: &str) -> Option<Admitted> {
        self.admit_at(trouble, Instant::now())
    }

    /// Whether to log that `trouble` is over: not if its last occurrence was not logged either.
    pub fn recovered(&self, trouble: &str) -> bool {
        let troubles = self.lock();
        let found = troubles.iter().find(|known| known.key == Key::of(trouble));
        found.is_none_or(|found| found.suppressed == 0)
    }

    fn admit_at(&self, trouble: &str, now: Instant) -> Option<Admitted> {
        let mut troubles = self.lock();
        let mut key = Key::of(trouble);
        let place = |troubles: &[Trouble], key| troubles.iter().position(|known| known.key == key);
        let mut found = place(&troubles, key);
        if found.is_none() && troubles.len() >= LOG_TROUBLES_MAX {
            // Those that are due make room; should they come again, their counts start anew.
            troubles.retain(|known| !known.is_due(now));
            if troubles.len() >= LOG_TROUBLES_MAX {
                key = Key::Other;
                found = place(&troubles, key);
            }
        }
        let Some(found) = found else {
            troubles.push(Trouble { key, logged: now, suppressed: 0 });
            return Some(Admitted { suppressed: None });
        };
        let found = &mut troubles[found];
        if !found.is_due(now) {
            found.suppressed += 1;
            return None;
        }
        let suppressed = Some(found.suppressed).filter(|&count| count > 0);
        *found = Trouble { logged: now, suppressed: 0, ..*found };
        Some(Admitted { suppressed })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Trouble>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for LogThrottle {
    fn default() -> Self {
        Self::new()
    }
}

impl Trouble {
    fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.logged) >= LOG_REPEAT_EVERY
    }
}

impl Key {
    fn of(trouble: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        trouble.hash(&mut hasher);
        Self::Known(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn repeated_trouble_is_one_line_a_minute_with_a_count() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        let admitted: Vec<_> = (0..2_500)
            .filter_map(|i| throttle.admit_at("too many open files", start + i * SECOND / 20))
            .map(|line| line.suppressed)
            .collect();
        assert_eq!(admitted, [None, Some(1_199), Some(1_199)]);
    }

    #[test]
    fn other_trouble_is_logged_at_once() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        for trouble in ["refused", "timed out"] {
            assert!(throttle.admit_at(trouble, start).is_some());
            assert!(throttle.admit_at(trouble, start + SECOND).is_none());
        }
        let later = throttle.admit_at("refused", start + 61 * SECOND);
        assert_eq!(later, Some(Admitted { suppressed: Some(1) }));
    }

    #[test]
    fn the_end_of_trouble_is_logged_if_the_trouble_was() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        assert!(throttle.recovered("refused"));
        throttle.admit_at("refused", start);
        assert!(throttle.recovered("refused"));
        throttle.admit_at("refused", start + SECOND);
        assert!(!throttle.recovered("refused"));
        throttle.admit_at("refused", start + 60 * SECOND);
        assert!(throttle.recovered("refused"));
    }

    #[test]
    fn trouble_that_comes_once_a_minute_has_no_count() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        for minute in 0..3 {
            let line = throttle.admit_at("refused", start + minute * 60 * SECOND);
            assert_eq!(line, Some(Admitted { suppressed: None }));
        }
    }

    #[test]
    fn endless_kinds_of_trouble_are_few_lines_and_little_memory() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        let lines = (0..10_000).filter_map(|i| throttle.admit_at(&i.to_string(), start)).count();
        assert_eq!(lines, LOG_TROUBLES_MAX + 1);
        assert_eq!(throttle.troubles.lock().unwrap().len(), LOG_TROUBLES_MAX + 1);
        let later = start + 60 * SECOND;
        let lines = (0..10_000).filter_map(|i| throttle.admit_at(&i.to_string(), later)).count();
        assert!(lines <= 2 * (LOG_TROUBLES_MAX + 1), "{lines}");
        assert!(throttle.troubles.lock().unwrap().len() <= LOG_TROUBLES_MAX + 1);
    }
}
