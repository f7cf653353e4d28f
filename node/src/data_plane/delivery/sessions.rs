use std::time::Instant;

use hashbrown::HashMap;
use slab::Slab;
use smallvec::SmallVec;
use trunkline_protocol::User;

use super::session::{SessionKey, SessionState};

/// All sessions of this node, and which user has which.
#[derive(Debug)]
pub(crate) struct SessionTable<W> {
    slots: Slab<SessionState<W>>,
    last_serial: u32,
    /// The sessions that were welcomed, oldest first.
    by_user: HashMap<User, SmallVec<[SessionKey; 1]>>,
    /// The users that are logging in, and on how many sessions.
    logging_in: HashMap<User, usize>,
    /// How many sessions have logged in.
    pub(crate) logged_in: usize,
}

impl<W> Default for SessionTable<W> {
    fn default() -> Self {
        Self {
            slots: Slab::new(),
            last_serial: 0,
            by_user: HashMap::new(),
            logging_in: HashMap::new(),
            logged_in: 0,
        }
    }
}

impl<W> SessionTable<W> {
    /// Adds the session of a connection that was upgraded.
    pub(crate) fn open(&mut self, socket: W, now: Instant) -> SessionKey {
        self.last_serial = self.last_serial.wrapping_add(1);
        let serial = self.last_serial;
        let slot = self.slots.insert(SessionState::new(serial, socket, now));
        SessionKey { slot: slot as u32, serial }
    }

    pub(crate) fn get(&self, key: SessionKey) -> Option<&SessionState<W>> {
        self.slots.get(key.slot as usize).filter(|session| session.serial == key.serial)
    }

    pub(crate) fn get_mut(&mut self, key: SessionKey) -> Option<&mut SessionState<W>> {
        self.slots.get_mut(key.slot as usize).filter(|session| session.serial == key.serial)
    }

    pub(super) fn close(&mut self, key: SessionKey) {
        if self.get(key).is_some() {
            self.slots.remove(key.slot as usize);
        }
    }

    /// A session is about to become one of the user's.
    pub(crate) fn start_login(&mut self, user: &User) {
        *self.logging_in.entry_ref(user).or_default() += 1;
    }

    /// A login that [`Self::start_login`] began has succeeded or failed.
    pub(crate) fn end_login(&mut self, user: &User) {
        let Some(count) = self.logging_in.get_mut(user) else { return };
        *count -= 1;
        if *count == 0 {
            self.logging_in.remove(user);
        }
    }

    /// Makes the session one of the user's. From now on it gets messages.
    pub(crate) fn log_in(&mut self, key: SessionKey, user: &User) {
        let Some(session) = self.get_mut(key) else { return };
        session.user = Some(user.clone());
        self.by_user.entry_ref(user).or_default().push(key);
        self.logged_in += 1;
    }

    /// Ends the delivery of messages to the session. Returns its user, if it had one.
    pub(crate) fn log_out(&mut self, key: SessionKey) -> Option<User> {
        let user = self.get_mut(key)?.user.take()?;
        self.logged_in -= 1;
        if let Some(keys) = self.by_user.get_mut(&user) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.by_user.remove(&user);
            }
        }
        Some(user)
    }

    /// Whether the user has a session here, or is about to.
    pub(crate) fn has(&self, user: &User) -> bool {
        self.by_user.contains_key(user) || self.logging_in.contains_key(user)
    }

    /// The user's sessions, oldest first.
    pub(crate) fn of(&self, user: &str) -> SmallVec<[SessionKey; 1]> {
        self.by_user.get(user).map_or_else(SmallVec::new, |keys| SmallVec::from_slice(keys))
    }

    /// How many users have a session here.
    pub(crate) fn users(&self) -> usize {
        self.by_user.len()
    }

    pub(crate) fn keys(&self) -> Vec<SessionKey> {
        let key = |(slot, session): (usize, &SessionState<W>)| SessionKey {
            slot: slot as u32,
            serial: session.serial,
        };
        self.slots.iter().map(key).collect()
    }

    /// How much memory what waits for all sessions takes, in bytes.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.slots.iter().map(|(_, session)| session.outbound.held_bytes()).sum()
    }
}
