//! Decides the next operation that brings Redis to the node's desired state: an entry for each of
//! its users, and no others. Pure: time is passed in, and nothing is sent from here.
//!
//! A user has one operation in flight at a time. A change that comes meanwhile is queued after it.
//!
//! ```text
//!          register, deregister, repair,                 next
//!          remove_stale, failed, indeterminate
//!  Idle ───────────────────────────────────▶ Queued ──────────────▶ InFlight
//!    ▲                                                                 │
//!    └─────────────────────────── finish ──────────────────────────────┘
//! ```
//!
//! An operation whose call failed may still take effect later, so the user's entry is
//! *indeterminate* for [`LATE_WINDOW`]. A late command could revert whatever is confirmed within
//! that time, so the last operation is repeated at its end. While a late registration may still
//! take effect, removals keep the user in the index: a purge finds entries only through it.

use std::{
    collections::{BTreeMap, btree_map},
    ops::Bound,
    time::Duration,
};

use tokio::time::Instant;
use trunkline_protocol::User;

use super::operation::{Operation, OperationKind, OperationResult};
use crate::defaults::{LATE_WINDOW, REBUILD_PER_SECOND, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};

/// A user whose entry is confirmed, for the audit to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfirmedUser {
    pub(super) user: User,
    revision: u64,
}

/// Which operations go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Priority {
    /// A login, a logout, or the retry of one: a session may wait for it.
    Session,
    /// Rebuilding, repairs, and repetitions for certainty.
    Background,
}

/// When a user's next operation is due, and a number that orders equal times.
type Due = (Instant, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    Queued(Priority, Due),
    InFlight,
}

#[derive(Debug)]
struct Entry {
    desired: bool,
    since_ms: u64,
    /// The revision of the desired state, and the one that was last confirmed.
    revision: u64,
    confirmed: u64,
    stage: Stage,
    failures: u32,
    /// Until then earlier commands may take effect.
    indeterminate_until: Option<Instant>,
    /// An operation was started, so Redis may have an entry.
    may_exist: bool,
    rebuilding: bool,
    stale: bool,
}

/// The desired state, and what is known of Redis's. It has an entry for each user who is desired or
/// whose removal is not confirmed.
#[derive(Debug, Default)]
pub(super) struct Reconciler {
    entries: BTreeMap<User, Entry>,
    /// The queued users of each [`Priority`].
    queues: [BTreeMap<Due, User>; 2],
    desired: usize,
    in_flight: usize,
    rebuilding: usize,
    generation: u64,
    /// The last number that was given to a revision or a due time.
    last_number: u64,
}

impl Reconciler {
    /// Adds the user to the desired state. Returns the revision: an operation with this or a higher
    /// one confirms it.
    pub(super) fn register(&mut self, user: &User, now_ms: u64, now: Instant) -> u64 {
        let revision = self.next_number();
        let entry = self.entries.entry(user.clone()).or_insert_with(Entry::unknown);
        if !entry.desired {
            entry.desired = true;
            // Strictly later than before, so that a late removal does not match the new session.
            entry.since_ms = now_ms.max(entry.since_ms + 1);
            entry.stale = false;
            self.desired += 1;
        }
        entry.revision = revision;
        self.schedule(user, Priority::Session, now);
        revision
    }

    /// Removes the user from the desired state.
    pub(super) fn deregister(&mut self, user: &User, now: Instant) {
        let revision = self.next_number();
        let Some(entry) = self.entries.get_mut(user).filter(|entry| entry.desired) else { return };
        entry.desired = false;
        entry.revision = revision;
        self.desired -= 1;
        self.rebuilding -= usize::from(std::mem::take(&mut entry.rebuilding));
        if entry.may_exist {
            self.schedule(user, Priority::Session, now);
        } else {
            self.forget(user);
        }
    }

    /// Starts the next operation that is due. Logins and logouts go before the rebuilding.
    pub(super) fn next(&mut self, now: Instant) -> Option<Operation> {
        let due = self.queues.iter().find_map(|queue| {
            let ((due, _), user) = queue.first_key_value()?;
            (*due <= now).then_some(user)
        });
        let user = due?.clone();
        self.unschedule(&user);
        let entry = self.entries.get_mut(&user).expect("a queued user has an entry");
        entry.stage = Stage::InFlight;
        entry.may_exist = true;
        self.in_flight += 1;
        let keep_index = entry.indeterminate_until.is_some_and(|until| now < until);
        Some(Operation {
            kind: match entry.desired {
                true => OperationKind::Register,
                false => OperationKind::Remove { keep_index },
            },
            since_ms: entry.since_ms,
            stale: entry.stale,
            revision: entry.revision,
            generation: self.generation,
            started: now,
            user,
        })
    }

    /// When [`Self::next`] has an operation; `None` until the desired state changes.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.queues.iter().filter_map(|queue| Some(queue.first_key_value()?.0.0)).min()
    }

    /// Records the result of an operation. Returns whether it has confirmed a registration.
    pub(super) fn finish(
        &mut self,
        operation: &Operation,
        result: OperationResult,
        now: Instant,
    ) -> bool {
        self.in_flight -= 1;
        let user = &operation.user;
        let entry = self.entries.get_mut(user).expect("an entry in flight is not removed");
        entry.stage = Stage::Idle;
        if result == OperationResult::Indeterminate {
            entry.indeterminate_until = Some(now + LATE_WINDOW);
        }
        if operation.generation != self.generation {
            self.start_over(user, now);
            return false;
        }
        if result != OperationResult::Confirmed {
            entry.failures += 1;
            let pause = retry_pause(entry.failures);
            self.schedule(user, Priority::Session, now + pause);
            return false;
        }
        self.confirm(operation, now)
    }

    /// Starts over for another incarnation, which has no entries yet: registers all desired users
    /// again, at [`REBUILD_PER_SECOND`]. The purge of the former incarnation removes all others.
    pub(super) fn restart(&mut self, now: Instant) {
        self.generation += 1;
        self.rebuilding = self.desired;
        self.queues = Default::default();
        let mut due = now;
        for user in self.entries.keys().cloned().collect::<Vec<_>>() {
            let entry = self.entries.get_mut(&user).expect("its key was just read");
            entry.rebuilding = entry.desired;
            entry.failures = 0;
            if entry.stage == Stage::InFlight {
                continue;
            }
            entry.stage = Stage::Idle;
            if entry.desired && entry.confirmed == entry.revision {
                self.schedule(&user, Priority::Background, due);
                due += Duration::from_secs(1) / REBUILD_PER_SECOND;
            } else {
                self.start_over(&user, now);
            }
        }
    }

    /// Up to `count` users with a confirmed entry, in order, after `cursor`. Fewer than `count` at
    /// the end.
    pub(super) fn confirmed_after(
        &self,
        cursor: Option<&User>,
        count: usize,
    ) -> Vec<ConfirmedUser> {
        let start = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries
            .range::<User, _>((start, Bound::Unbounded))
            .filter(|(_, entry)| entry.desired && entry.stage == Stage::Idle)
            .take(count)
            .map(|(user, entry)| ConfirmedUser { user: user.clone(), revision: entry.revision })
            .collect()
    }

    /// The audit has found a user's entry missing or wrong: registers the user again. Returns false
    /// if the user has changed since the audit has read the entry, which then proves nothing.
    pub(super) fn repair(&mut self, confirmed: &ConfirmedUser, now: Instant) -> bool {
        let unchanged = |entry: &&mut Entry| {
            entry.stage == Stage::Idle && entry.desired && entry.revision == confirmed.revision
        };
        let found = self.entries.get_mut(&confirmed.user).filter(unchanged).is_some();
        if found {
            self.schedule(&confirmed.user, Priority::Background, now);
        }
        found
    }

    /// Redis has, or may have, an entry of a user since `since_ms` or earlier: removes it if the
    /// user is not known here.
    pub(super) fn remove_stale(&mut self, user: &User, since_ms: u64, now: Instant) {
        if let btree_map::Entry::Vacant(vacant) = self.entries.entry(user.clone()) {
            vacant.insert(Entry { since_ms, may_exist: true, stale: true, ..Entry::unknown() });
            self.schedule(user, Priority::Background, now);
        }
    }

    /// Users in the desired state.
    pub(super) fn desired(&self) -> usize {
        self.desired
    }

    /// Users with an operation that is queued or in flight.
    pub(super) fn pending(&self) -> usize {
        self.queues.iter().map(BTreeMap::len).sum::<usize>() + self.in_flight
    }

    /// Operations in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Users who are not registered under the newest incarnation yet.
    pub(super) fn rebuilding(&self) -> usize {
        self.rebuilding
    }

    /// Whether an earlier command may still take effect.
    pub(super) fn is_indeterminate(&self, now: Instant) -> bool {
        let late = |entry: &Entry| entry.indeterminate_until.is_some_and(|until| now < until);
        self.in_flight > 0 || self.entries.values().any(late)
    }

    /// Schedules a user about whom the new incarnation has confirmed nothing. While a late command
    /// of the former incarnation may overwrite or restore the entry, the user has to stay known.
    fn start_over(&mut self, user: &User, now: Instant) {
        let entry = self.entries.get_mut(user).expect("the caller has looked it up");
        match entry.indeterminate_until.filter(|until| now < *until) {
            _ if entry.desired => self.schedule(user, Priority::Session, now),
            Some(until) => self.schedule(user, Priority::Background, until),
            None => self.forget(user),
        }
    }

    fn confirm(&mut self, operation: &Operation, now: Instant) -> bool {
        let user = &operation.user;
        let entry = self.entries.get_mut(user).expect("the caller has looked it up");
        entry.failures = 0;
        entry.confirmed = operation.revision;
        let current = entry.revision == operation.revision;
        if current {
            self.rebuilding -= usize::from(std::mem::take(&mut entry.rebuilding));
        }
        // An operation that started after the window is certain: nothing earlier can revert it.
        let until = entry.indeterminate_until.filter(|until| operation.started < *until);
        entry.indeterminate_until = until;
        match until {
            _ if !current => self.schedule(user, Priority::Session, now),
            Some(until) => self.schedule(user, Priority::Background, until),
            None if !entry.desired => self.forget(user),
            None => {}
        }
        operation.kind == OperationKind::Register
    }

    /// Queues the user, unless an operation is in flight: [`Self::finish`] queues it then.
    fn schedule(&mut self, user: &User, priority: Priority, at: Instant) {
        self.unschedule(user);
        let due = (at, self.next_number());
        let Some(entry) = self.entries.get_mut(user) else { return };
        if entry.stage == Stage::InFlight {
            return;
        }
        entry.stage = Stage::Queued(priority, due);
        self.queues[priority as usize].insert(due, user.clone());
    }

    fn unschedule(&mut self, user: &User) {
        let Some(entry) = self.entries.get_mut(user) else { return };
        if let Stage::Queued(priority, due) = entry.stage {
            entry.stage = Stage::Idle;
            self.queues[priority as usize].remove(&due);
        }
    }

    fn forget(&mut self, user: &User) {
        self.unschedule(user);
        self.entries.remove(user);
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

impl Entry {
    fn unknown() -> Self {
        Self {
            desired: false,
            since_ms: 0,
            revision: 0,
            confirmed: 0,
            stage: Stage::Idle,
            failures: 0,
            indeterminate_until: None,
            may_exist: false,
            rebuilding: false,
            stale: false,
        }
    }
}

fn retry_pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (RETRY_PAUSE_MIN * 2u32.pow(doublings)).min(RETRY_PAUSE_MAX)
}

#[cfg(test)]
mod tests;
