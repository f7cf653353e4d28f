use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::defaults::{LOG_PROBLEMS_MAX, LOG_REPEAT_EVERY};

/// Keeps a repeated problem from flooding the log: the first occurrence is logged at once, and later
/// ones at most once a minute, with the number of lines that were suppressed.
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
    /// By the hash of their text.
    problems: Mutex<BTreeMap<u64, Problem>>,
}

/// An occurrence to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// How many occurrences were suppressed since the last line; `None` for none.
    pub suppressed: Option<u64>,
}

#[derive(Debug)]
struct Problem {
    logged: Instant,
    suppressed: u64,
}

/// The key of all problems beyond [`LOG_PROBLEMS_MAX`].
const OTHERS: u64 = 0;

impl LogThrottle {
    /// A throttle that has admitted nothing yet.
    pub const fn new() -> Self {
        Self { problems: Mutex::new(BTreeMap::new()) }
    }

    /// Counts an occurrence of `problem`, and returns whether to log it. Different texts are
    /// different problems, so leave out parts that vary, such as a port.
    pub fn admit(&self, problem: &str) -> Option<Admitted> {
        self.admit_at(problem, Instant::now())
    }

    /// Whether to log that `problem` is over: only if its last occurrence was logged.
    pub fn recovered(&self, problem: &str) -> bool {
        self.lock().get(&key_of(problem)).is_none_or(|known| known.suppressed == 0)
    }

    fn admit_at(&self, problem: &str, now: Instant) -> Option<Admitted> {
        let mut problems = self.lock();
        let mut key = key_of(problem);
        if problems.len() >= LOG_PROBLEMS_MAX && !problems.contains_key(&key) {
            // Problems that are due are forgotten to make room: their counts start again at zero.
            problems.retain(|_, known| !known.is_due(now));
            if problems.len() >= LOG_PROBLEMS_MAX {
                key = OTHERS;
            }
        }
        let Some(known) = problems.get_mut(&key) else {
            problems.insert(key, Problem { logged: now, suppressed: 0 });
            return Some(Admitted { suppressed: None });
        };
        if !known.is_due(now) {
            known.suppressed += 1;
            return None;
        }
        known.logged = now;
        let suppressed = Some(mem::take(&mut known.suppressed)).filter(|&count| count > 0);
        Some(Admitted { suppressed })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Problem>> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for LogThrottle {
    fn default() -> Self {
        Self::new()
    }
}

impl Problem {
    fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.logged) >= LOG_REPEAT_EVERY
    }
}

fn key_of(problem: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    problem.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn repeated_problem_is_logged_once_a_minute_with_a_count() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        let admitted: Vec<_> = (0..2_500)
            .filter_map(|i| throttle.admit_at("too many open files", start + i * SECOND / 20))
            .map(|line| line.suppressed)
            .collect();
        assert_eq!(admitted, [None, Some(1_199), Some(1_199)]);
    }

    #[test]
    fn different_problem_is_logged_at_once() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        for problem in ["refused", "timed out"] {
            assert!(throttle.admit_at(problem, start).is_some());
            assert!(throttle.admit_at(problem, start + SECOND).is_none());
        }
        let later = throttle.admit_at("refused", start + 61 * SECOND);
        assert_eq!(later, Some(Admitted { suppressed: Some(1) }));
    }

    #[test]
    fn recovery_is_logged_only_after_a_logged_occurrence() {
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
    fn problem_once_a_minute_is_never_suppressed() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        for minute in 0..3 {
            let line = throttle.admit_at("refused", start + minute * 60 * SECOND);
            assert_eq!(line, Some(Admitted { suppressed: None }));
        }
    }

    #[test]
    fn unbounded_problems_cost_bounded_lines_and_memory() {
        let (throttle, start) = (LogThrottle::new(), Instant::now());
        let lines = (0..10_000).filter_map(|i| throttle.admit_at(&i.to_string(), start)).count();
        assert_eq!(lines, LOG_PROBLEMS_MAX + 1);
        assert_eq!(throttle.problems.lock().unwrap().len(), LOG_PROBLEMS_MAX + 1);
        let later = start + 60 * SECOND;
        let lines = (0..10_000).filter_map(|i| throttle.admit_at(&i.to_string(), later)).count();
        assert!(lines <= 2 * (LOG_PROBLEMS_MAX + 1), "{lines}");
        assert!(throttle.problems.lock().unwrap().len() <= LOG_PROBLEMS_MAX + 1);
    }
}
