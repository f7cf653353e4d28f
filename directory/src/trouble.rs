//! What Redis refuses now, and the log of it.
//!
//! A trouble stands until the same thing succeeds: that a look-up is answered does not prove that a
//! removal is allowed. What is not tried again for [`REFUSAL_KEPT`] no longer counts.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tracing::{info, warn};
use trunkline_ops::LogThrottle;

use crate::{
    defaults::{REFUSAL_KEPT, WELL_AGAIN},
    reply::{Trouble, one_line},
};

/// What a trouble is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// Redis, or the way to it: whatever is asked fails.
    Redis,
    /// One command or script, on one kind of key.
    Call {
        /// Its name.
        name: String,
        /// The kind of key.
        keys: Option<String>,
    },
}

/// All troubles there are now.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    /// There are some. Spares calls that succeed, nearly all of them, the lock.
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    active: BTreeMap<Subject, ActiveTrouble>,
    throttle: LogThrottle,
    /// Since when there is no trouble.
    well_since: Option<Instant>,
}

#[derive(Debug)]
struct ActiveTrouble {
    trouble: Trouble,
    since: Instant,
    seen: Instant,
    /// The log has a line about it, and so is to say when it is over.
    logged: bool,
}

impl Troubles {
    /// A call failed. Logs a trouble that is new at once, one that stays once a minute.
    pub(crate) fn note(&self, subject: Subject, trouble: Trouble) {
        let mut state = self.lock();
        self.any.store(true, Ordering::Relaxed);
        state.note(subject, trouble, Instant::now());
    }

    /// Redis has answered, if only to refuse.
    pub(crate) fn answered(&self) {
        self.clear(|| [Some(Subject::Redis), None]);
    }

    /// A call has succeeded.
    pub(crate) fn succeeded(&self, subject: impl FnOnce() -> Subject) {
        self.clear(|| [Some(Subject::Redis), Some(subject())]);
    }

    /// All of them on one line, with what helps.
    pub(crate) fn one_line(&self) -> Option<String> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut state = self.lock();
        state.forget_old(Instant::now());
        let mut troubles: Vec<Trouble> = Vec::new();
        for active in state.active.values() {
            if !troubles.contains(&active.trouble) {
                troubles.push(active.trouble.clone());
            }
        }
        one_line(&troubles)
    }

    fn clear(&self, subjects: impl FnOnce() -> [Option<Subject>; 2]) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let (mut state, now) = (self.lock(), Instant::now());
        for subject in subjects().into_iter().flatten() {
            state.clear(&subject, now);
        }
        state.forget_old(now);
        self.any.store(!state.active.is_empty(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, subject: Subject, trouble: Trouble, now: Instant) {
        self.forget_old(now);
        if self.well_since.take().is_some_and(|since| now >= since + WELL_AGAIN) {
            // It was well for a while: the same trouble is news again.
            self.throttle = LogThrottle::new();
        }
        let admitted = self.throttle.admit(&trouble.text);
        match admitted.map(|line| line.suppressed) {
            Some(None) => warn!("trouble with Redis: {trouble}"),
            Some(Some(times)) => warn!(times, "still trouble with Redis: {trouble}"),
            None => {}
        }
        let before = self.active.get(&subject).filter(|before| before.trouble == trouble);
        let since = before.map_or(now, |before| before.since);
        let logged = admitted.is_some() || before.is_some_and(|before| before.logged);
        self.active.insert(subject, ActiveTrouble { trouble, since, seen: now, logged });
    }

    fn clear(&mut self, subject: &Subject, now: Instant) {
        let Some(over) = self.active.remove(subject) else { return };
        let goes_on = self.active.values().any(|other| other.trouble == over.trouble);
        if over.logged && !goes_on {
            let ms = now.saturating_duration_since(over.since).as_millis() as u64;
            info!(after_ms = ms, "Redis is well again; it was: {}", over.trouble.text);
        }
        self.note_if_well(now);
    }

    /// Drops refusals of what nobody has tried for long.
    fn forget_old(&mut self, now: Instant) {
        let before = self.active.len();
        self.active.retain(|subject, active| {
            *subject == Subject::Redis || now < active.seen + REFUSAL_KEPT
        });
        if self.active.len() < before {
            self.note_if_well(now);
        }
    }

    fn note_if_well(&mut self, now: Instant) {
        if self.active.is_empty() {
            self.well_since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn call(name: &str) -> Subject {
        Subject::Call { name: name.into(), keys: Some("t:user:*".into()) }
    }

    fn trouble(text: &str) -> Trouble {
        Trouble::new(text.into())
    }

    #[test]
    fn success_of_another_call_does_not_clear_refusal() {
        let troubles = Troubles::default();
        troubles.note(Subject::Redis, trouble("refused"));
        troubles.note(call("ZREM"), trouble("NOPERM zrem"));
        troubles.succeeded(|| call("HGETALL"));
        assert_eq!(troubles.one_line().unwrap(), "NOPERM zrem");
        troubles.succeeded(|| call("ZREM"));
        assert_eq!(troubles.one_line(), None);
        assert!(!troubles.any.load(Ordering::Relaxed));
    }

    #[test]
    fn refusal_that_is_an_answer_clears_what_is_wrong_with_the_connection() {
        let troubles = Troubles::default();
        troubles.note(Subject::Redis, trouble("LOADING"));
        troubles.answered();
        troubles.note(call("HSET"), trouble("OOM"));
        assert_eq!(troubles.one_line().unwrap(), "OOM");
    }

    #[test]
    fn same_words_about_many_calls_are_one_trouble() {
        let troubles = Troubles::default();
        for name in ["HSET", "ZADD", "ZREM"] {
            troubles.note(call(name), trouble("OOM"));
        }
        assert_eq!(troubles.one_line().unwrap(), "OOM");
    }

    #[test]
    fn refusal_of_what_is_not_tried_again_is_forgotten() {
        let (mut state, start) = (State::default(), Instant::now());
        state.note(call("ZREM"), trouble("NOPERM"), start);
        state.note(Subject::Redis, trouble("away"), start);
        state.forget_old(start + REFUSAL_KEPT - Duration::from_millis(1));
        assert_eq!(state.active.len(), 2);
        state.forget_old(start + REFUSAL_KEPT);
        assert!(state.active.keys().eq([&Subject::Redis]));
    }

    #[test]
    fn trouble_is_logged_anew_only_after_a_while_without() {
        let (mut state, start) = (State::default(), Instant::now());
        let logged = |state: &State| state.active[&Subject::Redis].logged;
        state.note(Subject::Redis, trouble("away"), start);
        assert!(logged(&state));
        state.clear(&Subject::Redis, start);
        state.note(Subject::Redis, trouble("away"), start + WELL_AGAIN / 2);
        assert!(!logged(&state), "trouble that comes and goes does not fill the log");
        state.clear(&Subject::Redis, start + WELL_AGAIN);
        state.note(Subject::Redis, trouble("away"), start + 2 * WELL_AGAIN);
        assert!(logged(&state));
    }
}
