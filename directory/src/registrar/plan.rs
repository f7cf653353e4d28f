//! What a node wants the directory to say about its users, and what is to be done next. Pure: the
//! time is passed in, and nothing is sent from here.
//!
//! A user has one operation under way at a time. A wish that comes meanwhile is done after it. An
//! operation that failed may still take effect later, so it leaves the user in *doubt*: whatever
//! succeeds before the doubt ends is done once more at its end. While a late registration may
//! still come, the index keeps the user, so that a purge would find it.

use std::{
    collections::{BTreeMap, btree_map},
    ops::Bound,
    time::Duration,
};

use tokio::time::Instant;
use trunkline_protocol::User;

use crate::defaults::{DOUBT, REBUILD_PER_SECOND, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Make the user's entry.
    Register,
    /// Remove the user's entry.
    Remove {
        /// Leave the user in the index: a late registration may still come.
        keep_index: bool,
    },
}

/// One thing to do about one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) user: User,
    pub(super) action: Action,
    /// The time of the user's first session, Unix ms.
    pub(super) since_ms: u64,
    /// The directory has, or may have, an entry that was never wanted.
    pub(super) ghost: bool,
    /// The latest wish that it fulfils.
    pub(super) wish: u64,
    generation: u64,
    started: Instant,
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is confirmed.
    Done,
    /// It failed, and nothing of it will take effect later.
    Refused,
    /// It may have taken effect, or may still do so.
    Doubtful,
}

/// A user whose entry is believed to be right, for the audit to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) user: User,
    wish: u64,
}

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// Someone waits for it.
    Wish,
    /// Registering again, or making sure.
    Rebuild,
}

/// When a user's next operation is due, and a number that tells equal times apart.
type Due = (Instant, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Settled,
    Due(Lane, Due),
    InFlight,
}

#[derive(Debug)]
struct Entry {
    wanted: bool,
    since_ms: u64,
    /// The number of the latest wish, and of the latest that was confirmed.
    wish: u64,
    confirmed: u64,
    stage: Stage,
    failures: u32,
    doubt_until: Option<Instant>,
    /// An operation was started, so the directory may have an entry.
    touched: bool,
    rebuilding: bool,
    ghost: bool,
}

/// The wanted state and the way to it. Holds one entry for each user who is wanted or whose
/// removal is not confirmed.
#[derive(Debug, Default)]
pub(super) struct Plan {
    entries: BTreeMap<User, Entry>,
    wishes: BTreeMap<Due, User>,
    rebuild: BTreeMap<Due, User>,
    wanted: usize,
    in_flight: usize,
    rebuilding: usize,
    generation: u64,
    serial: u64,
}

impl Plan {
    /// Wishes that the user has an entry. Returns the number of the wish: an operation with the
    /// same or a higher number fulfils it.
    pub(super) fn register(&mut self, user: &User, now_ms: u64, now: Instant) -> u64 {
        let wish = self.number();
        let entry = self.entries.entry(user.clone()).or_insert_with(Entry::unknown);
        if !entry.wanted {
            entry.wanted = true;
            // Strictly later than before, so that a late removal does not match.
            entry.since_ms = now_ms.max(entry.since_ms + 1);
            entry.ghost = false;
            self.wanted += 1;
        }
        entry.wish = wish;
        self.schedule(user, Lane::Wish, now);
        wish
    }

    /// Wishes that the user has no entry.
    pub(super) fn deregister(&mut self, user: &User, now: Instant) {
        let wish = self.number();
        let Some(entry) = self.entries.get_mut(user).filter(|entry| entry.wanted) else { return };
        entry.wanted = false;
        entry.wish = wish;
        self.wanted -= 1;
        self.rebuilding -= usize::from(std::mem::take(&mut entry.rebuilding));
        if entry.touched {
            self.schedule(user, Lane::Wish, now);
        } else {
            self.forget(user);
        }
    }

    /// The next operation that is due. Logins and logouts go before the rebuilding.
    pub(super) fn next(&mut self, now: Instant) -> Option<Operation> {
        let due = |agenda: &BTreeMap<Due, User>| {
            agenda.first_key_value().filter(|((at, _), _)| *at <= now).map(|(_, user)| user.clone())
        };
        let user = due(&self.wishes).or_else(|| due(&self.rebuild))?;
        self.unschedule(&user);
        let entry = self.entries.get_mut(&user).expect("only known users are on the agenda");
        entry.stage = Stage::InFlight;
        entry.touched = true;
        self.in_flight += 1;
        let keep_index = entry.doubt_until.is_some_and(|until| now < until);
        Some(Operation {
            action: if entry.wanted { Action::Register } else { Action::Remove { keep_index } },
            since_ms: entry.since_ms,
            ghost: entry.ghost,
            wish: entry.wish,
            generation: self.generation,
            started: now,
            user,
        })
    }

    /// When [`Self::next`] will have something; `None` if it has to be wished first.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let first = |agenda: &BTreeMap<Due, User>| Some(agenda.first_key_value()?.0.0);
        [first(&self.wishes), first(&self.rebuild)].into_iter().flatten().min()
    }

    /// Takes note of what became of an operation. Returns whether it has fulfilled its wish.
    pub(super) fn finish(&mut self, operation: &Operation, outcome: Outcome, now: Instant) -> bool {
        self.in_flight -= 1;
        let user = &operation.user;
        let entry = self.entries.get_mut(user).expect("a user in flight is not forgotten");
        entry.stage = Stage::Settled;
        if outcome == Outcome::Doubtful {
            entry.doubt_until = Some(now + DOUBT);
        }
        if operation.generation != self.generation {
            self.begin_anew(user, now);
            return false;
        }
        if outcome != Outcome::Done {
            entry.failures += 1;
            let pause = retry_pause(entry.failures);
            self.schedule(user, Lane::Wish, now + pause);
            return false;
        }
        self.confirm(operation, now)
    }

    /// Begins anew under another incarnation, of which the directory knows nothing yet: all wanted
    /// users are registered again, at [`REBUILD_PER_SECOND`]. What was not wanted any more is
    /// left to the purge of the former incarnation.
    pub(super) fn restart(&mut self, now: Instant) {
        self.generation += 1;
        self.rebuilding = self.wanted;
        self.wishes.clear();
        self.rebuild.clear();
        let mut due = now;
        for user in self.entries.keys().cloned().collect::<Vec<_>>() {
            let entry = self.entries.get_mut(&user).expect("its key was just read");
            entry.rebuilding = entry.wanted;
            entry.failures = 0;
            if entry.stage == Stage::InFlight {
                continue;
            }
            entry.stage = Stage::Settled;
            if entry.wanted && entry.confirmed == entry.wish {
                self.schedule(&user, Lane::Rebuild, due);
                due += Duration::from_secs(1) / REBUILD_PER_SECOND;
            } else {
                self.begin_anew(&user, now);
            }
        }
    }

    /// Up to `count` wanted users that are believed to be right, in order, after `cursor`. Fewer
    /// mean that the end was reached.
    pub(super) fn settled_after(&self, cursor: Option<&User>, count: usize) -> Vec<Settled> {
        let start = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let right = |entry: &Entry| entry.wanted && entry.stage == Stage::Settled;
        self.entries
            .range::<User, _>((start, Bound::Unbounded))
            .filter(|(_, entry)| right(entry))
            .take(count)
            .map(|(user, entry)| Settled { user: user.clone(), wish: entry.wish })
            .collect()
    }

    /// The directory does not say what it should about a user: registers it again. Returns false
    /// if that is no news, because something has been done about the user since.
    pub(super) fn repair(&mut self, settled: &Settled, now: Instant) -> bool {
        let same = |entry: &&mut Entry| {
            entry.stage == Stage::Settled && entry.wanted && entry.wish == settled.wish
        };
        let found = self.entries.get_mut(&settled.user).filter(same).is_some();
        if found {
            self.schedule(&settled.user, Lane::Rebuild, now);
        }
        found
    }

    /// The directory has, or may have, an entry of a user since `since_ms` or before: removes it if
    /// the user is not known here.
    pub(super) fn remove_ghost(&mut self, user: &User, since_ms: u64, now: Instant) {
        if let btree_map::Entry::Vacant(place) = self.entries.entry(user.clone()) {
            place.insert(Entry { since_ms, touched: true, ghost: true, ..Entry::unknown() });
            self.schedule(user, Lane::Rebuild, now);
        }
    }

    /// Users who are wanted.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Users about whom something is still to be done.
    pub(super) fn pending(&self) -> usize {
        self.wishes.len() + self.rebuild.len() + self.in_flight
    }

    /// Operations that are under way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Users that are still to be registered under the newest incarnation.
    pub(super) fn rebuilding(&self) -> usize {
        self.rebuilding
    }

    /// Whether something that was sent may still take effect.
    pub(super) fn in_doubt(&self, now: Instant) -> bool {
        let doubtful = |entry: &Entry| entry.doubt_until.is_some_and(|until| now < until);
        self.in_flight > 0 || self.entries.values().any(doubtful)
    }

    /// Sees to a user of whom the new incarnation has said nothing. While there is doubt, what
    /// the former one has said may overwrite what the new one says, so it is kept in mind.
    fn begin_anew(&mut self, user: &User, now: Instant) {
        let entry = self.entries.get_mut(user).expect("the caller has looked it up");
        match entry.doubt_until.filter(|until| now < *until) {
            _ if entry.wanted => self.schedule(user, Lane::Wish, now),
            Some(until) => self.schedule(user, Lane::Rebuild, until),
            None => self.forget(user),
        }
    }

    fn confirm(&mut self, operation: &Operation, now: Instant) -> bool {
        let user = &operation.user;
        let entry = self.entries.get_mut(user).expect("the caller has looked it up");
        entry.failures = 0;
        entry.confirmed = operation.wish;
        let current = entry.wish == operation.wish;
        if current {
            self.rebuilding -= usize::from(std::mem::take(&mut entry.rebuilding));
        }
        let doubt = entry.doubt_until.filter(|until| operation.started < *until);
        entry.doubt_until = doubt;
        match doubt {
            _ if !current => self.schedule(user, Lane::Wish, now),
            Some(until) => self.schedule(user, Lane::Rebuild, until),
            None if !entry.wanted => self.forget(user),
            None => {}
        }
        operation.action == Action::Register
    }

    /// Puts the user on the agenda, unless an operation is under way: it is seen to afterwards.
    fn schedule(&mut self, user: &User, lane: Lane, at: Instant) {
        self.unschedule(user);
        let due = (at, self.number());
        let Some(entry) = self.entries.get_mut(user) else { return };
        if entry.stage == Stage::InFlight {
            return;
        }
        entry.stage = Stage::Due(lane, due);
        self.agenda(lane).insert(due, user.clone());
    }

    fn unschedule(&mut self, user: &User) {
        let Some(entry) = self.entries.get_mut(user) else { return };
        if let Stage::Due(lane, due) = entry.stage {
            entry.stage = Stage::Settled;
            self.agenda(lane).remove(&due);
        }
    }

    fn forget(&mut self, user: &User) {
        self.unschedule(user);
        self.entries.remove(user);
    }

    fn agenda(&mut self, lane: Lane) -> &mut BTreeMap<Due, User> {
        match lane {
            Lane::Wish => &mut self.wishes,
            Lane::Rebuild => &mut self.rebuild,
        }
    }

    fn number(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

impl Entry {
    fn unknown() -> Self {
        Self {
            wanted: false,
            since_ms: 0,
            wish: 0,
            confirmed: 0,
            stage: Stage::Settled,
            failures: 0,
            doubt_until: None,
            touched: false,
            rebuilding: false,
            ghost: false,
        }
    }
}

fn retry_pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (RETRY_PAUSE_MIN * 2u32.pow(doublings)).min(RETRY_PAUSE_MAX)
}

#[cfg(test)]
mod tests;
