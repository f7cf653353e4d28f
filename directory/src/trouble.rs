//! The current problems with Redis, and their log lines.
//!
//! A problem lasts until the same command succeeds: an answered look-up does not prove that a
//! removal is allowed. A refusal that is not repeated within [`REFUSAL_TTL`] is dropped.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tracing::{info, warn};
use trunkline_ops::LogThrottle;

use crate::{
    defaults::{LOG_THROTTLE_RESET_AFTER, REFUSAL_TTL},
    reply::{RedisTrouble, one_line},
};

/// What a problem concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TroubleSubject {
    /// Redis, or the path to it: all calls fail.
    Redis,
    /// One command or script, on one kind of key.
    Call {
        /// Its name.
        name: String,
        /// The kind of its key.
        keys: Option<String>,
    },
}

/// The current problems.
#[derive(Debug, Default)]
pub(crate) struct ActiveTroubles {
    state: Mutex<TroubleState>,
}

#[derive(Debug, Default)]
struct TroubleState {
    active: BTreeMap<TroubleSubject, ActiveTrouble>,
    throttle: LogThrottle,
    /// When the last problem ended, if there are none now.
    clear_since: Option<Instant>,
}

#[derive(Debug)]
struct ActiveTrouble {
    trouble: RedisTrouble,
    since: Instant,
    last_seen: Instant,
    /// The log has a line about it, and gets another one when it ends.
    logged: bool,
}

impl ActiveTroubles {
    /// Records a failed call. Logs a new problem at once, and a lasting one once a minute.
    pub(crate) fn failed(&self, subject: TroubleSubject, trouble: RedisTrouble) {
        self.lock().failed(subject, trouble, Instant::now());
    }

    /// Records that Redis has answered, if only with a refusal.
    pub(crate) fn answered(&self) {
        self.clear(|| [Some(TroubleSubject::Redis), None]);
    }

    /// Records a successful call.
    pub(crate) fn succeeded(&self, subject: impl FnOnce() -> TroubleSubject) {
        self.clear(|| [Some(TroubleSubject::Redis), Some(subject())]);
    }

    /// All problems on one line, with their remedies.
    pub(crate) fn one_line(&self) -> Option<String> {
        let mut state = self.lock();
        state.drop_expired(Instant::now());
        let mut troubles: Vec<RedisTrouble> = Vec::new();
        for active in state.active.values() {
            if !troubles.contains(&active.trouble) {
                troubles.push(active.trouble.clone());
            }
        }
        one_line(&troubles)
    }

    fn clear(&self, subjects: impl FnOnce() -> [Option<TroubleSubject>; 2]) {
        let (mut state, now) = (self.lock(), Instant::now());
        // Almost always, so successful calls do not format their subject.
        if state.active.is_empty() {
            return;
        }
        for subject in subjects().into_iter().flatten() {
            state.clear(&subject, now);
        }
        state.drop_expired(now);
    }

    fn lock(&self) -> MutexGuard<'_, TroubleState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TroubleState {
    fn failed(&mut self, subject: TroubleSubject, trouble: RedisTrouble, now: Instant) {
        self.drop_expired(now);
        if self.clear_since.take().is_some_and(|since| now >= since + LOG_THROTTLE_RESET_AFTER) {
            // After a while without problems, the same one is news again.
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
        self.active.insert(subject, ActiveTrouble { trouble, since, last_seen: now, logged });
    }

    fn clear(&mut self, subject: &TroubleSubject, now: Instant) {
        let Some(over) = self.active.remove(subject) else { return };
        let continues = self.active.values().any(|other| other.trouble == over.trouble);
        if over.logged && !continues {
            let ms = now.saturating_duration_since(over.since).as_millis() as u64;
            info!(after_ms = ms, "Redis has recovered from: {}", over.trouble.text);
        }
        self.note_if_clear(now);
    }

    /// Drops refusals that were not repeated in time.
    fn drop_expired(&mut self, now: Instant) {
        let before = self.active.len();
        self.active.retain(|subject, active| {
            *subject == TroubleSubject::Redis || now < active.last_seen + REFUSAL_TTL
        });
        if self.active.len() < before {
            self.note_if_clear(now);
        }
    }

    fn note_if_clear(&mut self, now: Instant) {
        if self.active.is_empty() {
            self.clear_since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn call(name: &str) -> TroubleSubject {
        TroubleSubject::Call { name: name.into(), keys: Some("t:user:*".into()) }
    }

    fn trouble(text: &str) -> RedisTrouble {
        RedisTrouble::new(text.into())
    }

    #[test]
    fn success_of_another_call_does_not_clear_refusal() {
        let troubles = ActiveTroubles::default();
        troubles.failed(TroubleSubject::Redis, trouble("refused"));
        troubles.failed(call("ZREM"), trouble("NOPERM zrem"));
        troubles.succeeded(|| call("HGETALL"));
        assert_eq!(troubles.one_line().unwrap(), "NOPERM zrem");
        troubles.succeeded(|| call("ZREM"));
        assert_eq!(troubles.one_line(), None);
    }

    #[test]
    fn refusal_proves_that_the_connection_works() {
        let troubles = ActiveTroubles::default();
        troubles.failed(TroubleSubject::Redis, trouble("LOADING"));
        troubles.answered();
        troubles.failed(call("HSET"), trouble("OOM"));
        assert_eq!(troubles.one_line().unwrap(), "OOM");
    }

    #[test]
    fn equal_texts_are_shown_once() {
        let troubles = ActiveTroubles::default();
        for name in ["HSET", "ZADD", "ZREM"] {
            troubles.failed(call(name), trouble("OOM"));
        }
        assert_eq!(troubles.one_line().unwrap(), "OOM");
    }

    #[test]
    fn refusal_that_is_not_repeated_expires() {
        let (mut state, start) = (TroubleState::default(), Instant::now());
        state.failed(call("ZREM"), trouble("NOPERM"), start);
        state.failed(TroubleSubject::Redis, trouble("away"), start);
        state.drop_expired(start + REFUSAL_TTL - Duration::from_millis(1));
        assert_eq!(state.active.len(), 2);
        state.drop_expired(start + REFUSAL_TTL);
        assert!(state.active.keys().eq([&TroubleSubject::Redis]));
    }

    #[test]
    fn repeated_problem_is_logged_again_only_after_a_pause() {
        let (mut state, start) = (TroubleState::default(), Instant::now());
        let logged = |state: &TroubleState| state.active[&TroubleSubject::Redis].logged;
        state.failed(TroubleSubject::Redis, trouble("away"), start);
        assert!(logged(&state));
        state.clear(&TroubleSubject::Redis, start);
        state.failed(TroubleSubject::Redis, trouble("away"), start + LOG_THROTTLE_RESET_AFTER / 2);
        assert!(!logged(&state), "an intermittent problem does not fill the log");
        state.clear(&TroubleSubject::Redis, start + LOG_THROTTLE_RESET_AFTER);
        state.failed(TroubleSubject::Redis, trouble("away"), start + 2 * LOG_THROTTLE_RESET_AFTER);
        assert!(logged(&state));
    }
}
