use std::{
    fmt,
    rc::Rc,
    task::{Context, Waker},
    time::Instant,
};

use hashbrown::HashMap;
use slab::Slab;
use smallvec::SmallVec;
use tokio::{net::tcp::OwnedWriteHalf, time};
use trunkline_protocol::User;

use super::outbound::Outbound;
use crate::defaults::{SESSION_BYTES_MAX, SESSION_RECEIPT_BYTES_MAX};

/// Which session: its place in the table, and a serial number, so that a place that is used again
/// is not taken for its former holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    slot: u32,
    serial: u32,
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.serial)
    }
}

impl SessionKey {
    /// The key of a sender that is no session: the operator's, for a test message.
    pub(super) fn nobody(serial: u32) -> Self {
        Self { slot: u32::MAX, serial }
    }

    pub(super) fn is_nobody(self) -> bool {
        self.slot == u32::MAX
    }

    pub(super) fn to_u64(self) -> u64 {
        u64::from(self.slot) << 32 | u64::from(self.serial)
    }
}

/// Why a session is to end: a WebSocket close code and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CloseReason {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// One connection, from its upgrade to the end of its socket.
#[derive(Debug)]
pub(super) struct Session {
    serial: u32,
    pub(super) socket: OwnedWriteHalf,
    pub(super) outbound: Outbound,
    /// Who has logged in. `None` before `welcome`, and again once the session is to end.
    pub(super) user: Option<User>,
    /// It stands in the list of those to be flushed.
    pub(super) touched: bool,
    /// The bytes that the receipts of its sends in custody will need.
    pub(super) owed_bytes: usize,
    /// It was not read on, as the receipts of further sends would have had no room.
    pub(super) held_back: bool,
    pub(super) close_reason: Option<CloseReason>,
    /// When its client was last heard.
    pub(super) heard_at: Instant,
    pub(super) pinged_at: Instant,
    /// Wakes the session's task.
    waker: Option<Waker>,
}

impl Session {
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Whether every receipt that its next send could cause has room.
    pub(super) fn has_room(&self) -> bool {
        self.owed_bytes + self.outbound.queued() < SESSION_BYTES_MAX + SESSION_RECEIPT_BYTES_MAX
    }

    /// Has the task of `cx` woken by [`Self::wake`].
    pub(super) fn register(&mut self, cx: &Context<'_>) {
        if self.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }
}

/// All sessions of this node, and which user has which.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    slots: Slab<Session>,
    last_serial: u32,
    /// Those that have been welcomed, oldest first.
    by_user: HashMap<User, SmallVec<[SessionKey; 1]>>,
    /// The users that are logging in, and on how many sessions.
    logging_in: HashMap<User, usize>,
    logged_in: usize,
}

impl Sessions {
    pub(super) fn open(&mut self, socket: OwnedWriteHalf) -> SessionKey {
        self.last_serial = self.last_serial.wrapping_add(1);
        let serial = self.last_serial;
        let now = time::Instant::now().into_std();
        let slot = self.slots.insert(Session {
            serial,
            socket,
            outbound: Outbound::default(),
            user: None,
            touched: false,
            owed_bytes: 0,
            held_back: false,
            close_reason: None,
            heard_at: now,
            pinged_at: now,
            waker: None,
        });
        SessionKey { slot: slot as u32, serial }
    }

    pub(super) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.slots.get(key.slot as usize).filter(|session| session.serial == key.serial)
    }

    pub(super) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.slots.get_mut(key.slot as usize).filter(|session| session.serial == key.serial)
    }

    pub(super) fn close(&mut self, key: SessionKey) -> Option<Session> {
        self.get(key)?;
        self.slots.try_remove(key.slot as usize)
    }

    /// A session is about to become one of the user's.
    pub(super) fn start_login(&mut self, user: &User) {
        *self.logging_in.entry_ref(user).or_default() += 1;
    }

    /// The session that was about to become one of the user's does, or does not.
    pub(super) fn end_login(&mut self, user: &User) {
        let Some(count) = self.logging_in.get_mut(user) else { return };
        *count -= 1;
        if *count == 0 {
            self.logging_in.remove(user);
        }
    }

    /// Makes the session one of the user's. From now on it gets messages.
    pub(super) fn log_in(&mut self, key: SessionKey, user: &User) {
        let Some(session) = self.get_mut(key) else { return };
        session.user = Some(user.clone());
        self.by_user.entry_ref(user).or_default().push(key);
        self.logged_in += 1;
    }

    /// Makes the session nobody's. Returns its user, if it had one.
    pub(super) fn log_out(&mut self, key: SessionKey) -> Option<User> {
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
    pub(super) fn has(&self, user: &User) -> bool {
        self.by_user.contains_key(user) || self.logging_in.contains_key(user)
    }

    /// The user's sessions, oldest first.
    pub(super) fn of(&self, user: &str) -> SmallVec<[SessionKey; 1]> {
        self.by_user.get(user).map_or_else(SmallVec::new, |keys| SmallVec::from_slice(keys))
    }

    /// The user's key and sessions, if there are any.
    pub(super) fn user(&self, user: &str) -> Option<(User, SmallVec<[SessionKey; 1]>)> {
        let (user, keys) = self.by_user.get_key_value(user)?;
        Some((user.clone(), keys.clone()))
    }

    pub(super) fn logged_in(&self) -> usize {
        self.logged_in
    }

    pub(super) fn users(&self) -> usize {
        self.by_user.len()
    }

    pub(super) fn keys(&self) -> Vec<SessionKey> {
        let key = |(slot, session): (usize, &Session)| SessionKey {
            slot: slot as u32,
            serial: session.serial,
        };
        self.slots.iter().map(key).collect()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.slots.iter().map(|(_, session)| session.outbound.queued()).sum()
    }
}

/// A slot: taken at the upgrade, free when the socket is closed.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    _token: Rc<()>,
}

/// The slots of this node.
#[derive(Debug)]
pub(crate) struct ConnectionSlots {
    capacity: usize,
    token: Rc<()>,
}

impl ConnectionSlots {
    pub(crate) fn new(capacity: u32) -> Self {
        Self { capacity: capacity as usize, token: Rc::new(()) }
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        Rc::strong_count(&self.token) - 1
    }

    /// Takes one, unless all are taken.
    pub(crate) fn take(&self) -> Option<ConnectionSlot> {
        (self.taken() < self.capacity).then(|| ConnectionSlot { _token: self.token.clone() })
    }

    /// Lets nobody take one any more.
    pub(crate) fn close(&mut self) {
        self.capacity = 0;
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.capacity == 0
    }
}
